package helm

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"sigs.k8s.io/yaml"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// unknownHooks warns of documents whose annotation has an event that Helm does not know: it leaves them out, and says so
// without saying which.
func unknownHooks(files map[string]string, hooks []wit.Hook, to *warnings) {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if strings.HasPrefix(path.Base(file), "_") {
			continue
		}
		documents := releaseutil.SplitManifests(files[file])
		keys := slices.Collect(maps.Keys(documents))
		slices.SortFunc(keys, func(a, b string) int {
			if releaseutil.BySplitManifestsOrder([]string{a, b}).Less(0, 1) {
				return -1
			}
			return 1
		})
		for _, key := range keys {
			content := documents[key]
			var head releaseutil.SimpleHead
			// All of them were parsed before.
			if err := yaml.Unmarshal([]byte(content), &head); err != nil || head.Metadata == nil {
				continue
			}
			events, marked := head.Metadata.Annotations[release.HookAnnotation]
			known := func(hook wit.Hook) bool {
				return hook.Document.Source == file && hook.Document.Content == content
			}
			if marked && !slices.ContainsFunc(hooks, known) {
				to.add(fmt.Sprintf("%s: %s %s: %s %q is not known: the object is left out, as Helm does",
					file, head.Kind, head.Metadata.Name, release.HookAnnotation, events))
			}
		}
	}
}
