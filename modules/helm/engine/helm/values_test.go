package helm

import (
	"testing"

	witTypes "go.bytecodealliance.org/pkg/wit/types"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

func pair(a, b string) witTypes.Tuple2[string, string] {
	return witTypes.Tuple2[string, string]{F0: a, F1: b}
}

func TestLaterValuesWinWhateverTheirKind(t *testing.T) {
	sources := []wit.ValueSource{
		wit.MakeValueSourceYaml(pair("a.yaml", "a: file\nb: file\nmap: {x: 1, w: 1}\n")),
		wit.MakeValueSourceSet("a=set,list={1,two},n=5"),
		wit.MakeValueSourceChartFile("values-prod.yaml"),
		wit.MakeValueSourceJson(`{"map":{"x":"json"},"c":[1]}`),
		wit.MakeValueSourceSetString("n=05"),
		wit.MakeValueSourceSetJson(`map.z={"deep":true}`),
		wit.MakeValueSourceSetJson(`{"whole":null}`),
		wit.MakeValueSourceSetLiteral("literal=a,b={c}"),
		wit.MakeValueSourceSetFile(pair("dir.file", "line 1\nline 2, {x}\n")),
		wit.MakeValueSourceYaml(pair("b.yaml", "c: last\n---\nd: second document\n")),
	}
	host := chartOf(t, files{
		"values-prod.yaml": "b: prod\na: prod\n",
		"templates/a.yaml": "v: {{ .Values | toJson }}\n",
	})
	equal(t, rendered(t, host, requestOf(sources...)).Config,
		`{"a":"prod","b":"prod","c":"last","d":"second document","dir":{"file":"line 1\nline 2, {x}\n"},`+
			`"list":[1,"two"],"literal":"a,b={c}","map":{"w":1,"x":"json","z":{"deep":true}},"n":"05","whole":null}`)
	equal(t, Merge(host, witTypes.Some("chart"), sources).Ok(), rendered(t, host, requestOf(sources...)).Config)
	// A later `set` wins over an earlier file as well as the other way round.
	turned := requestOf(sources[1], sources[0])
	equal(t, rendered(t, host, turned).Config, `{"a":"file","b":"file","list":[1,"two"],"map":{"w":1,"x":1},"n":5}`)
}

func TestValuesThatCannotBeReadAreToldInHelmsWords(t *testing.T) {
	host := chartOf(t, nil)
	for text, source := range map[string]wit.ValueSource{
		"failed to parse v.yaml: cannot unmarshal yaml document: error converting YAML to JSON: yaml: line 1: did not find expected node content": wit.MakeValueSourceYaml(pair("v.yaml", "a: [")),
		"failed to read values-x.yaml: the chart demo has no such file":                                                                           wit.MakeValueSourceChartFile("values-x.yaml"),
		"failed to parse values: json: cannot unmarshal array into Go value of type map[string]interface {}":                                      wit.MakeValueSourceJson("[1]"),
		`failed parsing --set data: key "a" has no value`:                                                                                         wit.MakeValueSourceSet("a"),
		"failed parsing --set-json data a={":                                                                                                      wit.MakeValueSourceSetJson("a={"),
	} {
		failed := failure(t, host, requestOf(source))
		equal(t, failed.Tag(), wit.Failure_Values)
		equal(t, failed.Values(), text)
	}
}

func TestMergeReadsAChartOnlyForItsFiles(t *testing.T) {
	host := chartOf(t, files{"values-prod.yaml": "a: prod\n"})
	set, file := wit.MakeValueSourceSet("a=set"), wit.MakeValueSourceChartFile("values-prod.yaml")
	none, chart, missing := witTypes.None[string](), witTypes.Some("chart"), witTypes.Some("missing")
	equal(t, Merge(host, none, nil).Ok(), "{}")
	equal(t, Merge(host, none, []wit.ValueSource{set}).Ok(), `{"a":"set"}`)
	equal(t, Merge(host, missing, []wit.ValueSource{set}).Ok(), `{"a":"set"}`)
	equal(t, Merge(host, chart, []wit.ValueSource{set, file}).Ok(), `{"a":"prod"}`)
	equal(t, Merge(host, missing, []wit.ValueSource{file}).Err().Chart(), "no such artifact")
	equal(t, Merge(host, none, []wit.ValueSource{file}).Err().Values(),
		"failed to read values-prod.yaml: there is no chart to read it from")
	host.instead = func() error { return Unavailable{"the depot is closed"} }
	equal(t, Merge(host, chart, []wit.ValueSource{file}).Err().Lookup(), "the depot is closed")
}
