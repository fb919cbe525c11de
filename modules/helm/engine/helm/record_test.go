package helm

import (
	"encoding/json"
	"testing"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// umbrella has what Helm changes of a chart before it writes it down: aliases, conditions, tags and imported values.
var umbrella = files{
	"Chart.yaml": `apiVersion: v2
name: demo
version: 0.1.0
dependencies:
- {name: one, version: 1.0.0, alias: first, import-values: [{child: data, parent: from.one}]}
- {name: one, version: 1.0.0, alias: second, condition: second.enabled}
- {name: two, version: ">=0.1.0", tags: [extra], import-values: [shared]}
- {name: three, version: 0.1.0, condition: three.enabled}
`,
	"values.yaml":             "a: 1\nthree: {enabled: true}\n",
	"charts/one/Chart.yaml":   "apiVersion: v2\nname: one\nversion: 1.0.0\n",
	"charts/one/values.yaml":  "data: {x: 1, gone: null}\n",
	"charts/two/Chart.yaml":   "apiVersion: v2\nname: two\nversion: 0.1.0\n",
	"charts/two/values.yaml":  "exports: {shared: {k: v}}\n",
	"charts/three/Chart.yaml": "apiVersion: v2\nname: three\nversion: 0.1.0\n",
}

type recorded struct {
	Metadata struct {
		Dependencies []map[string]any `json:"dependencies"`
	} `json:"metadata"`
	Values map[string]any `json:"values"`
}

func recordedOf(t *testing.T, host Host, sources ...wit.ValueSource) (chart recorded) {
	t.Helper()
	result := RecordOf(host, "chart", sources)
	if result.IsErr() {
		t.Fatalf("failed: %v", result.Err())
	}
	if err := json.Unmarshal([]byte(result.Ok()), &chart); err != nil {
		t.Fatal(err)
	}
	return chart
}

// What `helm install --dry-run=client -o json` of Helm 4.2.4 has.
func TestRecordHasTheChartThatTheValuesLeave(t *testing.T) {
	host := chartOf(t, umbrella)
	chart := recordedOf(t, host, wit.MakeValueSourceSet("second.enabled=true,three.enabled=false,a=null"))
	equal(t, chart.Metadata.Dependencies, []map[string]any{
		{
			"name": "first", "version": "1.0.0", "repository": "", "enabled": true, "alias": "first",
			"import-values": []any{map[string]any{"child": "data", "parent": "from.one"}},
		},
		{"name": "second", "version": "1.0.0", "repository": "", "enabled": true, "alias": "second", "condition": "second.enabled"},
		{
			"name": "two", "version": ">=0.1.0", "repository": "", "enabled": true, "tags": []any{"extra"},
			"import-values": []any{map[string]any{"child": "exports.shared", "parent": "."}},
		},
	})
	data := map[string]any{"x": 1, "gone": nil}
	equal(t, chart.Values, map[string]any{
		"a": 1, "k": "v", "three": map[string]any{"enabled": true}, "from": map[string]any{"one": data},
		"first":  map[string]any{"data": data, "global": map[string]any{}},
		"second": map[string]any{"data": data, "global": map[string]any{}},
		"two":    map[string]any{"exports": map[string]any{"shared": map[string]any{"k": "v"}}, "global": map[string]any{}},
	})
}

func TestRecordDependsOnTheValues(t *testing.T) {
	host := chartOf(t, umbrella)
	names := func(sources ...wit.ValueSource) (names []any) {
		for _, dependency := range recordedOf(t, host, sources...).Metadata.Dependencies {
			names = append(names, dependency["name"])
		}
		return names
	}
	equal(t, names(), []any{"first", "second", "two", "three"})
	equal(t, names(wit.MakeValueSourceJson(`{"tags":{"extra":false},"second":{"enabled":false}}`)), []any{"first", "three"})
	failed := RecordOf(host, "chart", []wit.ValueSource{wit.MakeValueSourceSet("a")}).Err()
	equal(t, failed.Values(), `failed parsing --set data: key "a" has no value`)
}
