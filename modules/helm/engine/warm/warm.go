// Package warm renders a chart of its own, so that an instance that is made of the state after it need not do for the
// first time what every render does: tables of functions and types, expressions, a heap.
package warm

import (
	"archive/tar"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"runtime"

	witTypes "go.bytecodealliance.org/pkg/wit/types"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
	"engine.helm.oarlock.dev/helm"
)

//go:embed all:chart
var chart embed.FS

// Up renders, and collects what it left.
func Up() {
	packed, err := pack()
	if err != nil {
		panic(err)
	}
	for range 2 {
		if rendered := helm.Render(packed, request()); rendered.IsErr() {
			panic(told(rendered.Err()))
		}
	}
	runtime.GC()
}

func request() wit.Request {
	return wit.Request{
		Chart: "warm",
		Values: []wit.ValueSource{
			wit.MakeValueSourceYaml(witTypes.Tuple2[string, string]{F0: "values.yaml", F1: "replicas: 2\nlabels:\n  tier: web\n"}),
			wit.MakeValueSourceSet("image.tag=1.2.3,args={a,b}"),
			wit.MakeValueSourceSetString("port=8080"),
			wit.MakeValueSourceJson(`{"resources":{"limits":{"cpu":"1"}}}`),
		},
		Release: wit.Release{Name: "warm", Namespace: "warm", Revision: 1},
		Capabilities: wit.Capabilities{
			KubeVersion: witTypes.Some("v1.31.0"),
			ApiVersions: []string{"example.com/v1"},
		},
		Now:  1,
		Seed: "warm",
	}
}

func told(failure wit.Failure) string {
	switch failure.Tag() {
	case wit.Failure_Chart:
		return failure.Chart()
	case wit.Failure_Dependencies:
		return failure.Dependencies()
	case wit.Failure_Values:
		return failure.Values()
	case wit.Failure_Incompatible:
		return failure.Incompatible()
	case wit.Failure_Template:
		return failure.Template()
	case wit.Failure_Output:
		return failure.Output().F0
	}
	return failure.Lookup()
}

// packed is the chart as an artifact, with no cluster beside it.
type packed []byte

var errNone = errors.New("nothing is there")

func (p packed) Read(string) ([]byte, error) { return p, nil }

func (packed) Kinds() ([]helm.Kind, error) { return nil, errNone }

func (packed) Get(string, string, string, string) (string, bool, error) { return "", false, errNone }

func (packed) List(string, string, string) ([]string, error) { return nil, errNone }

func pack() (packed, error) {
	var bytes bytes.Buffer
	writer := tar.NewWriter(&bytes)
	err := fs.WalkDir(chart, "chart", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := chart.ReadFile(name)
		if err != nil {
			return err
		}
		header := tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}
		if err := writer.WriteHeader(&header); err != nil {
			return err
		}
		_, err = writer.Write(content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot pack the chart to warm up with: %w", err)
	}
	return bytes.Bytes(), writer.Close()
}
