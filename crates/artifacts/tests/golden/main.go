// Writes the tables that versions and ranges (crates/version), indexes and ignore rules are tested with, from the libraries that Helm uses:
//
//	cd crates/artifacts/tests/golden && go run .
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/ignore"
	repo "helm.sh/helm/v4/pkg/repo/v1"
)

func main() {
	write("versions.jsonl", versionRows())
	write("order.jsonl", orderRows())
	write("constraints.jsonl", constraintRows())
	write("globs.jsonl", globRows())
	write("ignored.jsonl", ignoredRows())
	write("paths.jsonl", pathRows())
	write("index.jsonl", indexRows())
}

func write(name string, rows []any) {
	file, err := os.Create(name)
	if err != nil {
		log.Fatal(err)
	}
	encoder := json.NewEncoder(file)
	encoder.SetEscapeHTML(false)
	for _, row := range rows {
		if err := encoder.Encode(row); err != nil {
			log.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		log.Fatal(err)
	}
}

type reading struct {
	Version string `json:"version,omitempty"`
	Error   string `json:"error,omitempty"`
}

type versionRow struct {
	Text   string  `json:"text"`
	Loose  reading `json:"loose"`
	Strict reading `json:"strict"`
}

func read(version *semver.Version, err error) reading {
	if err != nil {
		return reading{Error: err.Error()}
	}
	return reading{Version: version.String()}
}

func versionRows() (rows []any) {
	for _, text := range texts {
		loose, strict := read(semver.NewVersion(text)), read(semver.StrictNewVersion(text))
		rows = append(rows, versionRow{text, loose, strict})
	}
	return rows
}

type orderRow struct {
	Version string `json:"version"`
	// Against every version of the table, in its order: <, = or >.
	Is string `json:"is"`
}

func orderRows() (rows []any) {
	for _, text := range ordered {
		version := semver.MustParse(text)
		var is strings.Builder
		for _, other := range ordered {
			is.WriteByte("<=>"[version.Compare(semver.MustParse(other))+1])
		}
		rows = append(rows, orderRow{text, is.String()})
	}
	return rows
}

type constraintRow struct {
	Constraint string   `json:"constraint"`
	Error      string   `json:"error,omitempty"`
	Allows     []string `json:"allows,omitempty"`
}

func constraintRows() (rows []any) {
	rows = append(rows, map[string][]string{"versions": candidates})
	for _, text := range allConstraints() {
		row := constraintRow{Constraint: text}
		constraint, err := semver.NewConstraint(text)
		if err != nil {
			row.Error = err.Error()
		} else {
			for _, candidate := range candidates {
				if constraint.Check(semver.MustParse(candidate)) {
					row.Allows = append(row.Allows, candidate)
				}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// Every operator with every shape of version, and what was thought of beside.
func allConstraints() []string {
	var all []string
	for _, operator := range []string{"", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^"} {
		for _, shape := range shapes {
			all = append(all, operator+shape)
		}
	}
	return append(all, oddities...)
}

type globRow struct {
	Pattern string   `json:"pattern"`
	Bad     bool     `json:"bad,omitempty"`
	Matches []string `json:"matches,omitempty"`
}

func globRows() (rows []any) {
	rows = append(rows, map[string][]string{"names": names})
	for _, pattern := range patterns {
		row := globRow{Pattern: pattern}
		for _, name := range names {
			matches, err := filepath.Match(pattern, name)
			if err != nil {
				row.Bad = true
			} else if matches {
				row.Matches = append(row.Matches, name)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

type ignoredRow struct {
	Rules   string   `json:"rules"`
	Error   string   `json:"error,omitempty"`
	Ignored []string `json:"ignored,omitempty"`
}

func ignoredRows() (rows []any) {
	rows = append(rows, map[string][]string{"paths": paths})
	for _, text := range rules {
		row := ignoredRow{Rules: text}
		parsed, err := ignore.Parse(strings.NewReader(text))
		if err != nil {
			row.Error = err.Error()
		} else {
			parsed.AddDefaults()
			for _, path := range paths {
				if parsed.Ignore(strings.TrimSuffix(path, "/"), info(path)) {
					row.Ignored = append(row.Ignored, path)
				}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// A path; with a slash at its end, that of a folder.
type info string

func (i info) Name() string       { return filepath.Base(string(i)) }
func (i info) Size() int64        { return 0 }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return strings.HasSuffix(string(i), "/") }
func (i info) Sys() any           { return nil }
func (i info) Mode() fs.FileMode {
	if i.IsDir() {
		return fs.ModeDir
	}
	return 0
}

type pathRow struct {
	Name  string `json:"name"`
	Path  string `json:"path,omitempty"`
	Error string `json:"error,omitempty"`
}

func pathRows() (rows []any) {
	for _, name := range entries {
		row := pathRow{Name: name}
		files, err := archive.LoadArchiveFiles(packed(name))
		if err != nil {
			row.Error = err.Error()
		} else {
			row.Path = files[0].Name
		}
		rows = append(rows, row)
	}
	return rows
}

// An archive with one file of this name.
func packed(name string) *bytes.Buffer {
	var buffer bytes.Buffer
	gzipped := gzip.NewWriter(&buffer)
	writer := tar.NewWriter(gzipped)
	header := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: 1}
	for _, err := range []error{writer.WriteHeader(&header), put(writer), writer.Close(), gzipped.Close()} {
		if err != nil {
			log.Fatal(name, err)
		}
	}
	return &buffer
}

func put(writer *tar.Writer) error {
	_, err := writer.Write([]byte("x"))
	return err
}

type choiceRow struct {
	Chart   string   `json:"chart"`
	Version string   `json:"version"`
	Chosen  string   `json:"chosen,omitempty"`
	URLs    []string `json:"urls,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func indexRows() (rows []any) {
	index, err := repo.LoadIndexFile("index.yaml")
	if err != nil {
		log.Fatal(err)
	}
	for _, choice := range choices {
		row := choiceRow{Chart: choice[0], Version: choice[1]}
		chosen, err := index.Get(choice[0], choice[1])
		if err != nil {
			row.Error = err.Error()
		} else {
			row.Chosen, row.URLs = chosen.Version, chosen.URLs
		}
		rows = append(rows, row)
	}
	return rows
}
