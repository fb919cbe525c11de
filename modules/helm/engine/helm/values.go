package helm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	witTypes "go.bytecodealliance.org/pkg/wit/types"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// Merge gives the caller's values as Render has them. A chart is read only where a source is a file of it.
func Merge(host Host, digest witTypes.Option[string], sources []wit.ValueSource) witTypes.Result[string, wit.Failure] {
	return answer(func() (string, error) { return merge(host, digest, sources) })
}

func merge(host Host, digest witTypes.Option[string], sources []wit.ValueSource) (string, error) {
	collectWarnings()
	var loaded *chart.Chart
	ofChart := func(source wit.ValueSource) bool { return source.Tag() == wit.ValueSource_ChartFile }
	if digest.IsSome() && slices.ContainsFunc(sources, ofChart) {
		var err error
		if loaded, err = load(host, digest.Some()); err != nil {
			return "", err
		}
	}
	values, err := merged(loaded, sources)
	if err != nil {
		return "", err
	}
	return configOf(values)
}

// configOf are the caller's values as a release has them.
func configOf(values map[string]any) (string, error) {
	config, err := json.Marshal(values)
	if err != nil {
		return "", fail(wit.MakeFailureValues, err)
	}
	return string(config), nil
}

// merged are the caller's values: every source laid over those before it.
func merged(of *chart.Chart, sources []wit.ValueSource) (map[string]any, error) {
	values := map[string]any{}
	for _, source := range sources {
		var err error
		if values, err = lay(of, values, source); err != nil {
			return nil, fail(wit.MakeFailureValues, err)
		}
	}
	return values, nil
}

func lay(of *chart.Chart, values map[string]any, source wit.ValueSource) (map[string]any, error) {
	switch source.Tag() {
	case wit.ValueSource_Yaml:
		return layYAML(values, source.Yaml().F0, source.Yaml().F1)
	case wit.ValueSource_ChartFile:
		name := source.ChartFile()
		if of == nil {
			return nil, fmt.Errorf("failed to read %s: there is no chart to read it from", name)
		}
		text, ok := fileOf(of, name)
		if !ok {
			return nil, fmt.Errorf("failed to read %s: the chart %s has no such file", name, of.Name())
		}
		return layYAML(values, name, string(text))
	case wit.ValueSource_Json:
		var object map[string]any
		if err := json.Unmarshal([]byte(source.Json()), &object); err != nil {
			return nil, fmt.Errorf("failed to parse values: %w", err)
		}
		return loader.MergeMaps(values, object), nil
	case wit.ValueSource_Set:
		if err := strvals.ParseInto(source.Set(), values); err != nil {
			return nil, fmt.Errorf("failed parsing --set data: %w", err)
		}
	case wit.ValueSource_SetString:
		if err := strvals.ParseIntoString(source.SetString(), values); err != nil {
			return nil, fmt.Errorf("failed parsing --set-string data: %w", err)
		}
	case wit.ValueSource_SetJson:
		return layJSON(values, source.SetJson())
	case wit.ValueSource_SetLiteral:
		if err := strvals.ParseLiteralInto(source.SetLiteral(), values); err != nil {
			return nil, fmt.Errorf("failed parsing --set-literal data: %w", err)
		}
	case wit.ValueSource_SetFile:
		key, text := source.SetFile().F0, source.SetFile().F1
		read := func([]rune) (any, error) { return text, nil }
		if err := strvals.ParseIntoFile(key+"=file", values, read); err != nil {
			return nil, fmt.Errorf("failed parsing --set-file data: %w", err)
		}
	}
	return values, nil
}

func layYAML(values map[string]any, name, text string) (map[string]any, error) {
	file, err := loader.LoadValues(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("failed to parse %s: %w", name, err)
	}
	return loader.MergeMaps(values, file), nil
}

// layJSON takes a whole object, or key=value. Helm says nothing of why either is wrong.
func layJSON(values map[string]any, text string) (map[string]any, error) {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, "{") {
		var object map[string]any
		if err := json.Unmarshal([]byte(trimmed), &object); err != nil {
			return nil, fmt.Errorf("failed parsing --set-json data JSON: %s", text)
		}
		return loader.MergeMaps(values, object), nil
	}
	if err := strvals.ParseJSON(text, values); err != nil {
		return nil, fmt.Errorf("failed parsing --set-json data %s", text)
	}
	return values, nil
}

func fileOf(of *chart.Chart, name string) ([]byte, bool) {
	for _, file := range of.Raw {
		if file.Name == name {
			return file.Data, true
		}
	}
	return nil, false
}
