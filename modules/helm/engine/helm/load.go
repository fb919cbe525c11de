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
		return nil, fail(wit.MakeFailureChart, err)
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

// loadFolder does what Helm does with a folder. What .helmignore names was left out when the folder was packed.
func loadFolder(data []byte) (*chart.Chart, error) {
	files, err := untar(data)
	if err != nil {
		return nil, fmt.Errorf("unable to load chart archive: %w", err)
	}
	// The order of a walk, which is that of names and not of whole paths.
	slices.SortStableFunc(files, func(a, b *archive.BufferedFile) int {
		return slices.Compare(strings.Split(a.Name, "/"), strings.Split(b.Name, "/"))
	})
	found := false
	for _, file := range files {
		if size := int64(len(file.Data)); size > archive.MaxDecompressedFileSize {
			return nil, fmt.Errorf("chart file %q is larger than the maximum file size %d", path.Base(file.Name), archive.MaxDecompressedFileSize)
		}
		if file.Name == "Chart.yaml" {
			found = true
			if err := checkAPIVersion(file.Data); err != nil {
				return nil, err
			}
		}
		file.Data = bytes.TrimPrefix(file.Data, bom)
	}
	if !found {
		return nil, errors.New("Chart.yaml file is missing") //nolint:staticcheck // Helm's words
	}
	return chartv2.LoadFiles(files)
}

func checkAPIVersion(metadata []byte) error {
	var base struct {
		APIVersion string `json:"apiVersion"`
	}
	if err := yaml.Unmarshal(metadata, &base); err != nil {
		return fmt.Errorf("cannot load Chart.yaml: %w", err)
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
		if !inside || !fs.ValidPath(name) {
			return nil, fmt.Errorf("chart illegally contains content outside the base directory: %q", header.Name)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return nil, err
		}
		files = append(files, &archive.BufferedFile{Name: name, ModTime: header.ModTime, Data: content})
	}
}
