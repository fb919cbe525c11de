package helm

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes/scheme"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func told(failed wit.Failure) string {
	switch failed.Tag() {
	case wit.Failure_Template:
		return failed.Template()
	case wit.Failure_Values:
		return failed.Values()
	case wit.Failure_Incompatible:
		return failed.Incompatible()
	case wit.Failure_Dependencies:
		return failed.Dependencies()
	case wit.Failure_Output:
		return failed.Output().F0
	}
	return ""
}

func TestOutputIsInTheOrderOfInstallation(t *testing.T) {
	host := chartOf(t, files{
		"templates/b.yaml":             "kind: Deployment\nmetadata: {name: d}\n---\nkind: Service\nmetadata: {name: s}\n",
		"templates/a.yaml":             "kind: Deployment\nmetadata: {name: a}\n",
		"templates/h.yaml":             "kind: Job\nmetadata:\n  name: h\n  annotations:\n    helm.sh/hook: pre-install, Post-Upgrade\n    helm.sh/hook-weight: \"-5\"\n    helm.sh/hook-delete-policy: hook-succeeded\n    helm.sh/hook-output-log-policy: hook-failed\n",
		"templates/_x.tpl":             "never",
		"templates/NOTES.txt":          "of {{ .Release.Revision }}",
		"crds/c.yaml":                  "# first\nkind: CustomResourceDefinition\nmetadata: {name: c}\n",
		"charts/s/Chart.yaml":          "apiVersion: v2\nname: s\nversion: 0.1.0\n",
		"charts/s/crds/d.yaml":         "kind: CustomResourceDefinition\nmetadata: {name: d}\n",
		"charts/s/templates/NOTES.txt": "of the subchart",
	})
	result := rendered(t, host, requestOf())
	var order []string
	for _, document := range result.Documents {
		order = append(order, document.Source+" "+document.Kind+" "+document.Name)
	}
	equal(t, order, []string{
		"demo/templates/b.yaml Service s", "demo/templates/a.yaml Deployment a", "demo/templates/b.yaml Deployment d",
	})
	equal(t, len(result.Hooks), 1)
	hook := result.Hooks[0]
	equal(t, hook.Events, []string{"pre-install", "post-upgrade"})
	equal(t, hook.Weight, -5)
	equal(t, hook.DeletePolicies, []string{"hook-succeeded"})
	equal(t, hook.OutputLogPolicies, []string{"hook-failed"})
	equal(t, []string{result.Crds[0].Source, result.Crds[0].Name, result.Crds[1].Source}, []string{"demo/crds/c.yaml", "c", "demo/charts/s/crds/d.yaml"})
	equal(t, result.Notes, "of 3")
	all := requestOf()
	all.SubNotes = true
	equal(t, rendered(t, host, all).Notes, "of the subchart\nof 3")
}

func TestFailuresAreToldInHelmsWords(t *testing.T) {
	set := requestOf(wit.MakeValueSourceSet("n=x"))
	for expected, host := range map[string]*world{
		"demo/templates/a.yaml:2:13\n  executing \"demo/templates/a.yaml\" at <.Values.a.b>:\n    nil pointer evaluating interface {}.b": chartOf(t, files{"templates/a.yaml": "a: 1\nb: {{ .Values.a.b }}"}),
		"parse error at (demo/templates/a.yaml:1): function \"nope\" not defined":                                                        chartOf(t, files{"templates/a.yaml": "{{ nope }}"}),
		"execution error at (demo/templates/a.yaml:1:3): own words":                                                                      chartOf(t, files{"templates/a.yaml": `{{ fail "own words" }}`}),
		"chart requires kubeVersion: <1.20 which is incompatible with Kubernetes v1.31.2":                                                chartOf(t, files{"Chart.yaml": "apiVersion: v2\nname: demo\nversion: 0.1.0\nkubeVersion: <1.20\n"}),
		"an error occurred while checking for chart dependencies. You may need to run 'helm dependency build' to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: x, z": chartOf(t, files{
			"Chart.yaml": "apiVersion: v2\nname: demo\nversion: 0.1.0\ndependencies: [{name: x, version: 1}, {name: z, version: 1}]\n"}),
		"values don't meet the specifications of the schema(s) in the following chart(s):\ndemo:\n- at '/n': got string, want integer\n": chartOf(t, files{
			"values.schema.json": `{"properties": {"n": {"type": "integer"}}}`}),
		"YAML parse error on demo/templates/a.yaml: error converting YAML to JSON: yaml: line 1: did not find expected node content": chartOf(t, files{"templates/a.yaml": "a: ["}),
	} {
		if text := told(failure(t, host, set)); text != expected {
			t.Errorf("got %q\nexpected %q", text, expected)
		}
	}
}

func TestReleaseNameIsChecked(t *testing.T) {
	request := requestOf()
	request.Release.Name = "Ferry_X"
	equal(t, told(failure(t, chartOf(t, nil), request)),
		`release name check failed: release name "Ferry_X": invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than 53`)
}

func TestOutputThatIsNoYAMLIsThere(t *testing.T) {
	host := chartOf(t, files{"templates/a.yaml": "a: [", "templates/b.yaml": "b: 1", "templates/c.yaml": " "})
	failed := failure(t, host, requestOf())
	equal(t, failed.Tag(), wit.Failure_Output)
	equal(t, failed.Output().F1, "---\n# Source: demo/templates/a.yaml\na: [\n---\n# Source: demo/templates/b.yaml\nb: 1\n")
}

func TestWarningsAreHelms(t *testing.T) {
	host := chartOf(t, files{
		"Chart.yaml":  "apiVersion: v2\nname: demo\nversion: 0.1.0\ndeprecated: true\n",
		"values.yaml": "a: {b: {c: 1}}\n",
	})
	equal(t, rendered(t, host, requestOf(wit.MakeValueSourceSet("a.b=1"))).Warnings, []string{
		"this chart is deprecated",
		"warning: cannot overwrite table with non table for demo.a.b (map[c:1])",
	})
}

func TestTimeIsTheRequests(t *testing.T) {
	equal(t, evaluated(t, &world{}, `{{ now | unixEpoch }} {{ now | date "2006-01-02" }}`, requestOf()), "1700000000 2023-11-14")
	equal(t, evaluated(t, &world{}, `{{ now }}`, requestOf()), "2023-11-14 22:13:20.123 +0000 UTC")
	for call, timed := range map[string]bool{
		`now`:                                          true,
		`date "2006" 0`:                                false,
		`date "2006" (toDate "2006" "2020")`:           false,
		`date "2006" "no date"`:                        true,
		`htmlDateInZone nil "Europe/Berlin"`:           true,
		`htmlDateInZone 5 "Europe/Berlin"`:             false,
		`ago 5`:                                        true,
		`durationRound "2h"`:                           false,
		`durationRound (toDate "2006" "2020")`:         true,
		`(genSelfSignedCert "a" nil nil 1).Cert | len`: true,
	} {
		host := chartOf(t, files{"templates/NOTES.txt": "{{ " + call + " }}"})
		if got := rendered(t, host, requestOf()).Timed; got != timed {
			t.Errorf("%s: timed %v", call, got)
		}
	}
}

func TestCapabilitiesAreOnTopOfHelmsUnlessComplete(t *testing.T) {
	text := `{{ .Capabilities.APIVersions.Has "apps/v1" }} {{ .Capabilities.APIVersions.Has "x.io/v1" }} {{ .Capabilities.KubeVersion.Minor }}`
	request := requestOf()
	request.Capabilities.ApiVersions = []string{"x.io/v1"}
	equal(t, evaluated(t, &world{}, text, request), "true true 31")
	request.Capabilities.Complete = true
	equal(t, evaluated(t, &world{}, text, request), "false true 31")
}

func TestKeysAndValuesComeSorted(t *testing.T) {
	equal(t, evaluated(t, &world{}, `{{ $d := dict "c" 3 "a" 1 "b" 2 }}{{ keys $d (dict "z" 1 "y" 1) }} {{ values $d }}`, requestOf()), "[a b c y z] [1 2 3]")
}

// The list of API versions is made from the real client-go for one version of Helm.
func TestVersionsOfTheStubAreThoseOfThisHelm(t *testing.T) {
	text, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	required := regexp.MustCompile(`helm.sh/helm/v4 (v\S+)`).FindSubmatch(text)
	if required == nil || string(required[1]) != scheme.Helm {
		t.Errorf("go.mod requires %q, the versions are of %s; hint: `go generate` in modules/helm/engine", required, scheme.Helm)
	}
}

func TestUnknownHooksAreLeftOutAndTold(t *testing.T) {
	host := chartOf(t, files{
		"templates/_skipped.yaml": "kind: A\nmetadata: {name: a, annotations: {helm.sh/hook: crd-install}}\n",
		"templates/a.yaml": "kind: A\nmetadata: {name: a, annotations: {helm.sh/hook: pre-install}}\n---\n" +
			"kind: B\nmetadata: {name: b, annotations: {helm.sh/hook: crd-install}}\n---\nkind: C\nmetadata: {name: c}\n",
		"templates/b.yaml": "kind: D\nmetadata: {name: d, annotations: {helm.sh/hook: 'post-install, later'}}\n",
	})
	result := rendered(t, host, requestOf())
	equal(t, []int{len(result.Hooks), len(result.Documents)}, []int{1, 1})
	equal(t, result.Warnings, []string{
		`demo/templates/a.yaml: B b: helm.sh/hook "crd-install" is not known: the object is left out, as Helm does`,
		`demo/templates/b.yaml: D d: helm.sh/hook "post-install, later" is not known: the object is left out, as Helm does`,
	})
	host = chartOf(t, files{"templates/a.yaml": "kind: A\nmetadata: {name: a, annotations: {helm.sh/hook: pre-install}}\n"})
	equal(t, len(rendered(t, host, requestOf()).Warnings), 0)
}
