package helm

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/loader"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/ignore"
	"sigs.k8s.io/yaml"

	wit "engine.helm.oarlock.dev/bindings/imports/oarlock_helm_engine"
)

var (
	gzipMagic = []byte{0x1f, 0x8b}
	bom       = []byte{0xef, 0xbb, 0xbf}
)

// errAPIVersion is what Helm's install action says of a chart that its loader knows and itself does not.
var errAPIVersion = errors.New("invalid chart apiVersion")

// load makes a chart of an artifact: a .tgz, or a tar of a folder.
func load(host Host, digest string) (*chart.Chart, error) {
	data, err := host.Read(digest)
	if err != nil {
		return nil, unread(err)
	}
	var loaded *chart.Chart
	if bytes.HasPrefix(data, gzipMagic) {
		loaded, err = loadArchive(data)
	} else {
		loaded, err = loadFolder(data)
	}
	if err != nil {
		return nil, fail(wit.MakeFailureChart, err)
	}
	return loaded, nil
}

func loadArchive(data []byte) (*chart.Chart, error) {
	any, err := loader.LoadArchive(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	loaded, ok := any.(*chart.Chart)
	if !ok {
		return nil, errAPIVersion
	}
	return loaded, nil
}

// loadFolder does what Helm does with a folder: .helmignore holds, and files come in the order of a walk.
func loadFolder(data []byte) (*chart.Chart, error) {
	files, err := untar(data)
	if err != nil {
		return nil, fmt.Errorf("unable to load chart archive: %w", err)
	}
	// A walk has the order of names, not of whole paths.
	slices.SortStableFunc(files, func(a, b *archive.BufferedFile) int {
		return slices.Compare(strings.Split(a.Name, "/"), strings.Split(b.Name, "/"))
	})
	rules := ignore.Empty()
	var metadata []byte
	for _, file := range files {
		switch file.Name {
		case ignore.HelmIgnore:
			if rules, err = ignore.Parse(bytes.NewReader(file.Data)); err != nil {
				return nil, err
			}
		case "Chart.yaml":
			metadata = file.Data
		}
	}
	if metadata == nil {
		return nil, errors.New("Chart.yaml file is missing") //nolint:staticcheck // Helm's words
	}
	if err := checkAPIVersion(metadata); err != nil {
		return nil, err
	}
	rules.AddDefaults()
	kept := make([]*archive.BufferedFile, 0, len(files))
	walk := walk{rules: rules, folders: map[string]bool{".": true}}
	for _, file := range files {
		if !walk.reaches(file.Name) {
			continue
		}
		if size := int64(len(file.Data)); size > archive.MaxDecompressedFileSize {
			return nil, fmt.Errorf("chart file %q is larger than the maximum file size %d", path.Base(file.Name), archive.MaxDecompressedFileSize)
		}
		file.Data = bytes.TrimPrefix(file.Data, bom)
		kept = append(kept, file)
	}
	return chartv2.LoadFiles(kept)
}

// chartBase has the name of Helm's own type, which is in messages.
type chartBase struct {
	APIVersion string `json:"apiVersion,omitempty"`
}

func checkAPIVersion(metadata []byte) error {
	var base chartBase
	if err := yaml.Unmarshal(metadata, &base); err != nil {
		text := strings.ReplaceAll(err.Error(), "helm.chartBase", "loader.chartBase")
		return fmt.Errorf("cannot load Chart.yaml: %s", text)
	}
	switch base.APIVersion {
	case chart.APIVersionV1, chart.APIVersionV2, "":
		return nil
	case "v3":
		return errAPIVersion
	default:
		return errors.New("unsupported chart version")
	}
}

func untar(data []byte) ([]*archive.BufferedFile, error) {
	var files []*archive.BufferedFile
	reader := tar.NewReader(bytes.NewReader(data))
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		switch header.Typeflag {
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		case tar.TypeReg:
		default:
			return nil, fmt.Errorf("cannot load irregular file %s as it has file mode type bits set", header.Name)
		}
		// Every path begins with a folder of no meaning, as in archives.
		_, name, inside := strings.Cut(path.Clean(header.Name), "/")
		if !inside || !fs.ValidPath(text(name)) {
			return nil, fmt.Errorf("chart illegally contains content outside the base directory: %q", header.Name)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		files = append(files, &archive.BufferedFile{Name: name, ModTime: header.ModTime, Data: content})
	}
}
