package helm

import (
	"io/fs"
	"path"
	"time"

	"helm.sh/helm/v4/pkg/ignore"
)

// walk is Helm's walk over a folder: what a rule ignores is not entered.
type walk struct {
	rules *ignore.Rules
	// Which folders were entered, as far as it was asked for.
	folders map[string]bool
}

// reaches tells whether neither the file nor a folder above it is ignored.
func (w walk) reaches(file string) bool {
	return w.enters(path.Dir(file)) && !w.rules.Ignore(file, entry{file, false})
}

func (w walk) enters(folder string) bool {
	entered, known := w.folders[folder]
	if !known {
		entered = w.enters(path.Dir(folder)) && !w.rules.Ignore(folder, entry{folder, true})
		w.folders[folder] = entered
	}
	return entered
}

// entry is a file or a folder, as Helm's rules look at it.
type entry struct {
	name   string
	folder bool
}

func (e entry) Name() string { return path.Base(e.name) }

func (e entry) Size() int64 { return 0 }

func (e entry) Mode() fs.FileMode {
	if e.folder {
		return fs.ModeDir
	}
	return 0
}

func (e entry) ModTime() time.Time { return time.Time{} }

func (e entry) IsDir() bool { return e.folder }

func (e entry) Sys() any { return nil }
