package helm

import (
	"encoding/json"
	"runtime/debug"
	"strings"

	witTypes "go.bytecodealliance.org/pkg/wit/types"
	"sigs.k8s.io/yaml"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// Inspect tells what a chart is, without rendering it.
func Inspect(host Host, digest string) witTypes.Result[wit.Chart, wit.Failure] {
	return answer(func() (wit.Chart, error) { return inspect(host, digest) })
}

// RecordOf is a chart as the record of a release with these values holds it.
func RecordOf(host Host, digest string, values []wit.ValueSource) witTypes.Result[string, wit.Failure] {
	return answer(func() (string, error) { return recordOf(host, digest, values) })
}

// Version of Helm that this is made of.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, module := range info.Deps {
		if module.Path == "helm.sh/helm/v4" {
			return module.Version
		}
	}
	return ""
}

func recordOf(host Host, digest string, sources []wit.ValueSource) (string, error) {
	collectWarnings()
	loaded, err := load(host, digest)
	if err != nil {
		return "", err
	}
	values, err := merged(loaded, sources)
	if err != nil {
		return "", err
	}
	if err := process(loaded, values); err != nil {
		return "", err
	}
	return marshal(loaded)
}

func inspect(host Host, digest string) (inspected wit.Chart, err error) {
	collectWarnings()
	loaded, err := load(host, digest)
	if err != nil {
		return inspected, err
	}
	if inspected.Metadata, err = marshal(loaded.Metadata); err != nil {
		return inspected, err
	}
	inspected.Crds = crdsOf(loaded)
	inspected.Schema = witTypes.None[string]()
	inspected.Lock = witTypes.None[string]()
	inspected.Readme = witTypes.None[string]()
	for _, file := range loaded.Raw {
		inspected.Files = append(inspected.Files, file.Name)
		switch {
		case file.Name == "values.yaml":
			inspected.Values = string(file.Data)
		case isReadme(file.Name) && !inspected.Readme.IsSome():
			inspected.Readme = witTypes.Some(text(string(file.Data)))
		}
	}
	if loaded.Schema != nil {
		schema, err := yaml.YAMLToJSON(loaded.Schema)
		if err != nil {
			return inspected, fail(wit.MakeFailureChart, err)
		}
		inspected.Schema = witTypes.Some(string(schema))
	}
	if loaded.Lock != nil {
		lock, err := marshal(loaded.Lock)
		if err != nil {
			return inspected, err
		}
		inspected.Lock = witTypes.Some(lock)
	}
	return inspected, nil
}

func isReadme(name string) bool {
	switch strings.ToLower(name) {
	case "readme.md", "readme.txt", "readme":
		return true
	}
	return false
}

func marshal(value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fail(wit.MakeFailureChart, err)
	}
	return string(text), nil
}
