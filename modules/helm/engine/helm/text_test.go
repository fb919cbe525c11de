package helm

import (
	"errors"
	"slices"
	"testing"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

// latin is no UTF-8: what it says, "Rémy", is so in Latin-1.
const latin = "R\xe9my"

func TestEveryTextIsUTF8(t *testing.T) {
	host := chartOf(t, files{
		"templates/NOTES.txt": "Of " + latin + ".",
		"crds/a.yaml":         "# Of " + latin + "\nkind: CustomResourceDefinition\n",
		"files/" + latin:      latin,
		"README.md":           latin,
		"templates/a.yaml":    "kind: A\nname: {{ .Files.Get \"files/R\\xe9my\" | quote | b64enc }}\n",
	})
	made := rendered(t, host, requestOf())
	equal(t, made.Notes == "Of R\uFFFDmy.", true)
	equal(t, made.Crds[0].Content == "# Of R\uFFFDmy\nkind: CustomResourceDefinition\n", true)
	inspected := Inspect(host, "chart").Ok()
	equal(t, inspected.Crds[0].Content == made.Crds[0].Content, true)
	equal(t, inspected.Readme.Some() == "R\uFFFDmy", true)
	equal(t, slices.Contains(inspected.Files, "files/R\uFFFDmy"), true)

	values := chartOf(t, files{"values.yaml": "# Of " + latin + "\n"})
	equal(t, Inspect(values, "chart").Err().Chart(),
		"cannot load values.yaml: cannot unmarshal yaml document: error converting YAML to JSON: yaml: invalid trailing UTF-8 octet")
}

func TestFailuresAreUTF8(t *testing.T) {
	failed := failure(t, chartOf(t, files{"templates/a.yaml": "# Of " + latin + "\nkind: A\n"}), requestOf())
	equal(t, failed.Tag(), wit.Failure_Output)
	equal(t, failed.Output().F0, "YAML parse error on demo/templates/a.yaml: error converting YAML to JSON: yaml: invalid trailing UTF-8 octet")
	equal(t, failed.Output().F1 == "---\n# Source: demo/templates/a.yaml\n# Of R\uFFFDmy\nkind: A\n\n", true)

	failed = failure(t, chartOf(t, files{"templates/a.yaml": "{{ fail \"" + `R\xe9my` + "\" }}"}), requestOf())
	equal(t, failed.Template() == "execution error at (demo/templates/a.yaml:1:3): R\uFFFDmy", true)

	for _, make := range []func(string) wit.Failure{
		wit.MakeFailureChart, wit.MakeFailureDependencies, wit.MakeFailureValues, wit.MakeFailureIncompatible,
		wit.MakeFailureTemplate, wit.MakeFailureLookup,
	} {
		equal(t, readable(make(latin)) == make("R\uFFFDmy"), true)
	}
}

func TestNamesThatAreLookedUpAreUTF8(t *testing.T) {
	host := clusterOf()
	equal(t, evaluated(t, host, `{{ lookup "v1" "Secret" "ns" "R\xe9my" | toJson }}`, looking()), "{}")
	equal(t, host.reads[0] == "v1 Secret ns/R\uFFFDmy", true)
}

func TestPanicsHaveTheirText(t *testing.T) {
	host := &world{instead: func() error { panic("out of " + latin) }}
	failed := failure(t, host, requestOf())
	equal(t, failed.Chart() == "panic: out of R\uFFFDmy", true)
	equal(t, Inspect(host, "chart").Err().Chart() == failed.Chart(), true)
	equal(t, RecordOf(host, "chart", nil).Err().Chart() == failed.Chart(), true)

	var none []int
	host.instead = func() error { _ = none[3]; return nil }
	equal(t, failure(t, host, requestOf()).Chart(), "panic: runtime error: index out of range [3] with length 0")
}

func TestChartThatDoesNotComeMayComeLater(t *testing.T) {
	host := &world{instead: func() error { return Unavailable{"the depot is closed"} }}
	equal(t, failure(t, host, requestOf()).Lookup(), "the depot is closed")
	equal(t, Inspect(host, "chart").Err().Lookup(), "the depot is closed")
	host.instead = func() error { return errors.New("no such artifact") }
	equal(t, failure(t, host, requestOf()).Chart(), "no such artifact")
}
