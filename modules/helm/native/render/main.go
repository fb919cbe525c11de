// Renders a chart again and again with Helm's own code, compiled natively, and prints what it took: the yardstick of the
// engine in its sandbox. Each round reads the archive anew, as the engine does.
//
//	render -rounds 20 [-values FILE]... [-kube-version V] [-api-versions V]... CHART.tgz
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/cli/values"
	"helm.sh/helm/v4/pkg/engine"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
)

// many is a flag that may be given several times.
type many []string

func (m *many) String() string { return strings.Join(*m, ",") }

func (m *many) Set(text string) error {
	*m = append(*m, text)
	return nil
}

type call struct {
	archive     []byte
	values      many
	kubeVersion string
	apiVersions many
	release     string
	namespace   string
}

// figures are printed as JSON.
type figures struct {
	// CPU time of each round, in microseconds, all threads together.
	CPU []int64 `json:"cpu"`
	// Loading alone: gunzip and parsing, without rendering.
	Load []int64 `json:"load"`
	// Largest resident size, in kilobytes.
	Peak int64 `json:"peak"`
	// Of what was rendered.
	Size   int    `json:"size"`
	Digest string `json:"digest"`
}

func main() {
	var c call
	rounds := flag.Int("rounds", 10, "")
	flag.Var(&c.values, "values", "")
	flag.StringVar(&c.kubeVersion, "kube-version", "", "")
	flag.Var(&c.apiVersions, "api-versions", "")
	flag.StringVar(&c.release, "release", "ferry", "")
	flag.StringVar(&c.namespace, "namespace", "harbour", "")
	flag.Parse()
	if err := run(c, *rounds, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(c call, rounds int, path string) (err error) {
	if c.archive, err = os.ReadFile(path); err != nil {
		return err
	}
	var found figures
	for range rounds {
		start := cpu()
		if _, err := c.load(); err != nil {
			return err
		}
		found.Load = append(found.Load, (cpu() - start).Microseconds())
		start = cpu()
		manifest, err := c.render()
		if err != nil {
			return err
		}
		found.CPU = append(found.CPU, (cpu() - start).Microseconds())
		digest := sha256.Sum256([]byte(manifest))
		found.Size, found.Digest = len(manifest), "sha256:"+hex.EncodeToString(digest[:])
	}
	if found.Peak, err = peak(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// peak is not from rusage, which counts what the process was before it became this program, too.
func peak() (kilobytes int64, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscan(rest, &kilobytes)
	return kilobytes, err
}

func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (c call) load() (*chart.Chart, error) {
	loaded, err := loader.LoadArchive(bytes.NewReader(c.archive))
	if err != nil {
		return nil, err
	}
	found, ok := loaded.(*chart.Chart)
	if !ok {
		return nil, fmt.Errorf("%T is no chart of version 1 or 2", loaded)
	}
	return found, nil
}

func (c call) render() (string, error) {
	loaded, err := c.load()
	if err != nil {
		return "", err
	}
	merged, err := (&values.Options{ValueFiles: c.values}).MergeValues(nil)
	if err != nil {
		return "", err
	}
	if err := chartutil.ProcessDependencies(loaded, merged); err != nil {
		return "", err
	}
	capabilities := common.DefaultCapabilities.Copy()
	capabilities.APIVersions = append(append(common.VersionSet{}, capabilities.APIVersions...), c.apiVersions...)
	if c.kubeVersion != "" {
		version, err := common.ParseKubeVersion(c.kubeVersion)
		if err != nil {
			return "", err
		}
		capabilities.KubeVersion = *version
	}
	options := common.ReleaseOptions{Name: c.release, Namespace: c.namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(loaded, merged, options, capabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Engine{}.Render(loaded, all)
	if err != nil {
		return "", err
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return "", err
	}
	var printed strings.Builder
	for _, manifest := range manifests {
		fmt.Fprintf(&printed, "---\n# Source: %s\n%s\n", manifest.Name, manifest.Content)
	}
	for _, hook := range hooks {
		fmt.Fprintf(&printed, "---\n# Source: %s\n%s\n", hook.Path, hook.Manifest)
	}
	return printed.String(), nil
}
