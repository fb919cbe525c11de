package helm

import (
	"testing"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

func clusterOf() *world {
	return &world{
		kinds: []Kind{{"v1", "Secret", true}, {"v1", "Namespace", false}},
		objects: map[string]string{
			"v1 Secret ns/a":    `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a","generation":7}}`,
			"v1 Secret ns/b":    `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"}}`,
			"v1 Namespace /sys": `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"sys"}}`,
		},
	}
}

func looking() wit.Request {
	request := requestOf()
	request.Lookup = true
	return request
}

func TestLookupFindsWhatIsThere(t *testing.T) {
	for text, expected := range map[string]string{
		`{{ (lookup "v1" "Secret" "ns" "a").metadata.name }}`:                           "a",
		`{{ (lookup "v1" "Secret" "ns" "a").metadata.generation | kindOf }}`:            "int64",
		`{{ lookup "v1" "Secret" "ns" "none" | toJson }}`:                               "{}",
		`{{ range (lookup "v1" "Secret" "ns" "").items }}{{ .metadata.name }}{{ end }}`: "ab",
		`{{ (lookup "v1" "Secret" "ns" "").kind }}`:                                     "SecretList",
		`{{ (lookup "v1" "Namespace" "" "sys").metadata.name }}`:                        "sys",
		`{{ (lookup "v1" "Namespace" "ignored" "sys").metadata.name }}`:                 "sys",
		`{{ lookup "v1" "Secret" "" "a" | len }}`:                                       "0",
		`{{ lookup "v1" "Unheard" "ns" "a" | len }}`:                                    "0",
	} {
		equal(t, evaluated(t, clusterOf(), text, looking()), expected)
	}
}

func TestLookupFindsNothingUnlessAsked(t *testing.T) {
	host := clusterOf()
	equal(t, evaluated(t, host, `{{ lookup "v1" "Secret" "ns" "a" | toJson }}`, requestOf()), "{}")
	equal(t, len(host.reads), 0)
}

func TestUnservedVersionIsAnErrorAndIsAskedFor(t *testing.T) {
	host := clusterOf()
	host.artifact = chartOf(t, files{"templates/a.yaml": `{{ lookup "x.io/v1" "Y" "ns" "a" }}`}).artifact
	failed := failure(t, host, looking())
	equal(t, failed.Template(), "template: demo/templates/a.yaml:1:3: executing \"demo/templates/a.yaml\" at <lookup \"x.io/v1\" \"Y\" \"ns\" \"a\">: "+
		"error calling lookup: unable to get apiresource from unstructured: x.io/v1, Kind=Y: the server could not find the requested resource")
	equal(t, host.reads, []string{"x.io/v1 Y /"})
}

func TestReadsThatFailAreTheRightFailure(t *testing.T) {
	host := clusterOf()
	host.artifact = chartOf(t, files{"templates/a.yaml": `{{ lookup "v1" "Secret" "ns" "a" }}`}).artifact
	host.err = Unavailable{"the cache is not filled yet"}
	failed := failure(t, host, looking())
	equal(t, failed.Tag(), wit.Failure_Lookup)
	equal(t, failed.Lookup(), "the cache is not filled yet")
}
