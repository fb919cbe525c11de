package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

func filesOf(t *testing.T, host *world) []string {
	t.Helper()
	inspected := Inspect(host, "chart")
	if inspected.IsErr() {
		t.Fatalf("failed: %v", inspected.Err())
	}
	return inspected.Ok().Files
}

func TestFolderIsReadAsAWalkWould(t *testing.T) {
	host := chartOf(t, files{
		".helmignore":            "# Comment\n*.bak\nsecret/\n/root.txt\ndocs/*.md\n",
		"templates/a.yaml":       "a: 1\n",
		"templates/a.yaml.bak":   "no",
		"templates/.hidden.yaml": "no",
		"templates.d/x":          "sorts after templates/, by names and not by whole paths",
		"secret/deep/key":        "no",
		"root.txt":               "no",
		"sub/root.txt":           "yes",
		"docs/one.md":            "no",
		"docs/one.txt":           "yes",
	})
	equal(t, filesOf(t, host), []string{
		".helmignore", "Chart.yaml", "docs/one.txt", "sub/root.txt", "templates/a.yaml", "templates.d/x",
	})
}

func TestArchiveIsReadByHelmsLoader(t *testing.T) {
	host := &world{artifact: tgz(t, map[string]string{
		"demo/Chart.yaml":          "apiVersion: v2\nname: demo\nversion: 0.1.0\n",
		"demo/a.txt":               "\xef\xbb\xbfkept",
		"demo/templates/NOTES.txt": "{{ .Files.Get \"a.txt\" }}",
	})}
	equal(t, rendered(t, host, requestOf()).Notes, "kept")
}

func tgz(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	writer := tar.NewWriter(zipped)
	for name, text := range files {
		if err := writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func TestWhatIsNoChartIsToldInHelmsWords(t *testing.T) {
	link := func() []byte {
		var packed bytes.Buffer
		writer := tar.NewWriter(&packed)
		if err := writer.WriteHeader(&tar.Header{Name: "c/a", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}); err != nil {
			t.Fatal(err)
		}
		_ = writer.Close()
		return packed.Bytes()
	}
	cases := map[string]*world{
		"Chart.yaml file is missing":                  chartOf(t, files{"Chart.yaml": "", "a": "b"}),
		"invalid chart apiVersion":                    chartOf(t, files{"Chart.yaml": "apiVersion: v3\nname: a\nversion: 1.0.0\n"}),
		"unsupported chart version":                   chartOf(t, files{"Chart.yaml": "apiVersion: v9\nname: a\nversion: 1.0.0\n"}),
		"validation: chart.metadata.name is required": chartOf(t, files{"Chart.yaml": "apiVersion: v2\nversion: 1.0.0\n"}),
		"library charts are not installable":          chartOf(t, files{"Chart.yaml": "apiVersion: v2\nname: a\nversion: 1.0.0\ntype: library\n"}),
		"unable to load chart archive: cannot load irregular file c/a as it has file mode type bits set": {artifact: link()},
		"chart file \"big\" is larger than the maximum file size 5242880":                                chartOf(t, files{"big": strings.Repeat("x", 5<<20+1)}),
		"unable to load chart archive: chart illegally references parent directory":                      {artifact: tgz(t, map[string]string{"a/../../x": "y"})},
	}
	cases["double-star (**) syntax is not supported"] = chartOf(t, files{".helmignore": "**/a\n"})
	cases["cannot load Chart.yaml: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type loader.chartBase"] =
		chartOf(t, files{"Chart.yaml": "[]"})
	for text, host := range cases {
		failed := failure(t, host, requestOf())
		equal(t, failed.Tag(), wit.Failure_Chart)
		equal(t, failed.Chart(), text)
	}
}
