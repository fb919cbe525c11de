package helm

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	witTypes "go.bytecodealliance.org/pkg/wit/types"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

const notesName = "NOTES.txt"

// Render is the whole of `helm template`, but for the printing.
func Render(host Host, request wit.Request) witTypes.Result[wit.Rendered, wit.Failure] {
	return answer(func() (wit.Rendered, error) { return render(host, request) })
}

func render(host Host, request wit.Request) (rendered wit.Rendered, err error) {
	warnings := collectWarnings()
	loaded, err := load(host, request.Chart)
	if err != nil {
		return rendered, err
	}
	if err := installable(loaded); err != nil {
		return rendered, err
	}
	values, err := merged(loaded, request.Values)
	if err != nil {
		return rendered, err
	}
	name := request.Release.Name
	if err := chartutil.ValidateReleaseName(name); err != nil {
		return rendered, fail(wit.MakeFailureValues, fmt.Errorf("release name check failed: release name %q: %w", name, err))
	}
	if err := process(loaded, values); err != nil {
		return rendered, err
	}
	all, capabilities, err := renderValues(loaded, values, request)
	if err != nil {
		return rendered, err
	}
	if required := loaded.Metadata.KubeVersion; required != "" && !chartutil.IsCompatibleRange(required, capabilities.KubeVersion.String()) {
		return rendered, fail(wit.MakeFailureIncompatible, fmt.Errorf(
			"chart requires kubeVersion: %s which is incompatible with Kubernetes %s", required, capabilities.KubeVersion.Version))
	}
	run := newRun(host, request)
	files, err := run.render(loaded, all)
	if err != nil {
		return rendered, err
	}
	rendered.Random, rendered.Timed = run.random, run.timed
	rendered.Notes = takeNotes(files, loaded.Name(), request.SubNotes)
	if rendered.Hooks, rendered.Documents, err = sorted(files); err != nil {
		return rendered, err
	}
	if warnings.leftOut {
		unknownHooks(files, rendered.Hooks, warnings)
	}
	rendered.Crds = crdsOf(loaded)
	if rendered.Config, err = configOf(values); err != nil {
		return rendered, err
	}
	rendered.Warnings = warnings.texts
	return rendered, nil
}

// installable has Helm's checks of a chart before anything is rendered.
func installable(loaded *chart.Chart) error {
	if kind := loaded.Metadata.Type; kind != "" && kind != "application" {
		return fail(wit.MakeFailureChart, fmt.Errorf("%s charts are not installable", kind))
	}
	if loaded.Metadata.Deprecated {
		slog.Warn("this chart is deprecated")
	}
	var missing []string
	for _, required := range loaded.Metadata.Dependencies {
		there := func(dependency *chart.Chart) bool { return dependency.Name() == required.Name }
		if !slices.ContainsFunc(loaded.Dependencies(), there) {
			missing = append(missing, required.Name)
		}
	}
	if len(missing) > 0 {
		return fail(wit.MakeFailureDependencies, fmt.Errorf(
			"an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: %s",
			strings.Join(missing, ", ")))
	}
	return nil
}

// process leaves the dependencies that the values want, and imports from them. A release has the chart as it is afterwards.
func process(loaded *chart.Chart, values map[string]any) error {
	if err := chartutil.ProcessDependencies(loaded, values); err != nil {
		return fail(wit.MakeFailureDependencies, fmt.Errorf("chart dependencies processing failed: %w", err))
	}
	return nil
}

func renderValues(loaded *chart.Chart, values map[string]any, request wit.Request) (common.Values, *common.Capabilities, error) {
	capabilities, err := capabilitiesOf(request.Capabilities)
	if err != nil {
		return nil, nil, fail(wit.MakeFailureIncompatible, err)
	}
	options := common.ReleaseOptions{
		Name:      request.Release.Name,
		Namespace: request.Release.Namespace,
		Revision:  int(request.Release.Revision),
		IsUpgrade: request.Release.Upgrade,
		IsInstall: !request.Release.Upgrade,
	}
	all, err := util.ToRenderValuesWithSchemaValidation(loaded, values, options, capabilities, request.SkipSchemaValidation)
	if err != nil {
		return nil, nil, fail(wit.MakeFailureValues, err)
	}
	return all, capabilities, nil
}

func capabilitiesOf(wanted wit.Capabilities) (*common.Capabilities, error) {
	capabilities := common.DefaultCapabilities.Copy()
	if wanted.KubeVersion.IsSome() {
		text := wanted.KubeVersion.Some()
		version, err := common.ParseKubeVersion(text)
		if err != nil {
			return nil, fmt.Errorf("invalid kube version '%s': %w", text, err)
		}
		capabilities.KubeVersion = *version
	}
	if wanted.Complete {
		capabilities.APIVersions = wanted.ApiVersions
	} else {
		capabilities.APIVersions = slices.Concat(capabilities.APIVersions, wanted.ApiVersions)
	}
	return capabilities, nil
}

// takeNotes takes the notes out of the files. Helm has them in no order; here it is that of their paths.
func takeNotes(files map[string]string, name string, subcharts bool) string {
	var notes strings.Builder
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(file, notesName) {
			continue
		}
		if subcharts || file == path.Join(name, "templates", notesName) {
			if notes.Len() > 0 {
				notes.WriteString("\n")
			}
			notes.WriteString(files[file])
		}
		delete(files, file)
	}
	return notes.String()
}

// sorted takes the files apart into documents, in the order in which they are installed.
func sorted(files map[string]string) ([]wit.Hook, []wit.Document, error) {
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return nil, nil, failed{wit.MakeFailureOutput(witTypes.Tuple2[string, string]{F0: err.Error(), F1: unsorted(files)})}
	}
	var outHooks []wit.Hook
	for _, hook := range hooks {
		outHooks = append(outHooks, wit.Hook{
			Document:          wit.Document{Source: hook.Path, Kind: hook.Kind, Name: hook.Name, Content: hook.Manifest},
			Events:            stringsOf(hook.Events),
			Weight:            int32(min(max(hook.Weight, math.MinInt32), math.MaxInt32)),
			DeletePolicies:    stringsOf(hook.DeletePolicies),
			OutputLogPolicies: stringsOf(hook.OutputLogPolicies),
		})
	}
	var documents []wit.Document
	for _, manifest := range manifests {
		documents = append(documents, documentOf(manifest.Name, manifest.Content, manifest.Head))
	}
	return outHooks, documents, nil
}

func documentOf(source, content string, head *releaseutil.SimpleHead) wit.Document {
	document := wit.Document{Source: source, Kind: head.Kind, Content: content}
	if head.Metadata != nil {
		document.Name = head.Metadata.Name
	}
	return document
}

func stringsOf[T ~string](from []T) []string {
	texts := make([]string, len(from))
	for i, text := range from {
		texts[i] = string(text)
	}
	return texts
}

// unsorted is what there is where a file is no YAML, for whoever looks for the mistake.
func unsorted(files map[string]string) string {
	var all strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if content := files[name]; strings.TrimSpace(content) != "" {
			fmt.Fprintf(&all, "---\n# Source: %s\n%s\n", name, content)
		}
	}
	return all.String()
}
