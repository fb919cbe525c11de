package helm

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	witTypes "go.bytecodealliance.org/pkg/wit/types"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// files are a chart's, or whatever stands in for one.
type files map[string]string

// world is a Host that has one artifact and a few objects.
type world struct {
	artifact []byte
	kinds    []Kind
	objects  map[string]string
	// What a read of the cluster fails with.
	err error
	// What the read of a chart does instead.
	instead func() error
	// What was read of the cluster.
	reads []string
}

func (w *world) Read(digest string) ([]byte, error) {
	if w.instead != nil {
		return nil, w.instead()
	}
	if digest != "chart" {
		return nil, errors.New("no such artifact")
	}
	return w.artifact, nil
}

func (w *world) Kinds() ([]Kind, error) { return w.kinds, w.err }

func (w *world) Get(apiVersion, kind, namespace, name string) (string, bool, error) {
	key := fmt.Sprintf("%s %s %s/%s", apiVersion, kind, namespace, name)
	w.reads = append(w.reads, key)
	object, found := w.objects[key]
	return object, found, w.err
}

func (w *world) List(apiVersion, kind, namespace string) ([]string, error) {
	key := fmt.Sprintf("%s %s %s/", apiVersion, kind, namespace)
	w.reads = append(w.reads, key)
	var found []string
	for _, name := range slices.Sorted(maps.Keys(w.objects)) {
		if len(name) > len(key) && name[:len(key)] == key {
			found = append(found, w.objects[name])
		}
	}
	return found, w.err
}

// chartOf completes files to a chart, as a tar of its folder.
func chartOf(t *testing.T, with files) *world {
	t.Helper()
	all := files{"Chart.yaml": "apiVersion: v2\nname: demo\nversion: 0.1.0\n"}
	maps.Copy(all, with)
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] == "" {
			continue
		}
		if err := writer.WriteHeader(&tar.Header{Name: "chart/" + name, Mode: 0o644, Size: int64(len(all[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte(all[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return &world{artifact: packed.Bytes()}
}

func requestOf(values ...wit.ValueSource) wit.Request {
	return wit.Request{
		Chart:        "chart",
		Values:       values,
		Release:      wit.Release{Name: "r", Namespace: "ns", Revision: 3},
		Capabilities: wit.Capabilities{KubeVersion: witTypes.Some("v1.31.2")},
		Now:          1_700_000_000_123,
		Seed:         "seed",
	}
}

// rendered is what comes of a chart that must render.
func rendered(t *testing.T, host Host, request wit.Request) wit.Rendered {
	t.Helper()
	result := Render(host, request)
	if result.IsErr() {
		t.Fatalf("failed: %v", result.Err())
	}
	return result.Ok()
}

// evaluated is what a template text gives.
func evaluated(t *testing.T, host *world, text string, request wit.Request) string {
	t.Helper()
	host.artifact = chartOf(t, files{"templates/NOTES.txt": text}).artifact
	return rendered(t, host, request).Notes
}

func failure(t *testing.T, host Host, request wit.Request) wit.Failure {
	t.Helper()
	result := Render(host, request)
	if result.IsOk() {
		t.Fatalf("rendered: %v", result.Ok())
	}
	return result.Err()
}

func equal[T any](t *testing.T, got, expected T) {
	t.Helper()
	g, err := json.MarshalIndent(got, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	e, err := json.MarshalIndent(expected, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(g, e) {
		t.Errorf("got %s\nexpected %s", g, e)
	}
}
