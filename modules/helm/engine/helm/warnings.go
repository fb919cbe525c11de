package helm

import (
	"context"
	"log"
	"log/slog"
	"strings"
)

// leftOut is what Helm says, as information, of documents that it leaves out.
const leftOut = "skipping unknown hooks"

// warnings collects what Helm logs.
type warnings struct {
	texts []string
	// Whether documents were left out.
	leftOut bool
}

// collectWarnings sends both of the loggers that Helm writes to here.
func collectWarnings() *warnings {
	w := &warnings{}
	slog.SetDefault(slog.New(w))
	// After SetDefault, which would send these to slog as information.
	log.SetOutput(w)
	log.SetFlags(0)
	return w
}

func (w *warnings) add(text string) { w.texts = append(w.texts, text) }

// Write takes a line of the log package.
func (w *warnings) Write(line []byte) (int, error) {
	w.add(strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// Enabled leaves out what nobody has to know.
func (w *warnings) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle takes a record of slog.
func (w *warnings) Handle(_ context.Context, record slog.Record) error {
	if record.Level < slog.LevelWarn {
		w.leftOut = w.leftOut || record.Message == leftOut
		return nil
	}
	var text strings.Builder
	text.WriteString(record.Message)
	record.Attrs(func(attribute slog.Attr) bool {
		text.WriteString(" ")
		text.WriteString(attribute.String())
		return true
	})
	w.add(text.String())
	return nil
}

// WithAttrs is not used by Helm's library.
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup is not used by Helm's library.
func (w *warnings) WithGroup(string) slog.Handler { return w }
