package helm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand"
	randv2 "math/rand/v2"
	"reflect"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/huandu/xstrings"

	"engine.helm.oarlock.dev/adapter"
)

// drawing are sprig's functions that draw from the system's random numbers.
var drawing = []string{
	"bcrypt",
	"encryptAES",
	"genCA",
	"genCAWithKey",
	"genPrivateKey",
	"genSelfSignedCert",
	"genSelfSignedCertWithKey",
	"genSignedCert",
	"genSignedCertWithKey",
	"htpasswd",
	"randAlpha",
	"randAlphaNum",
	"randAscii",
	"randBytes",
	"randNumeric",
	"uuidv4",
}

// chance makes every random value a function of the seed, of the function with its arguments, and of how many such calls
// there were before. So a call that is added to a chart does not change what the others gave.
type chance struct {
	seed  []byte
	calls map[string]uint64
	drawn bool
}

func newChance(seed string) *chance {
	return &chance{seed: []byte(seed), calls: map[string]uint64{}}
}

// reset is for whatever draws and is not known here.
func (c *chance) reset() { adapter.Seed(c.key("")) }

// next counts the call and gives the key that its values come from.
func (c *chance) next(function string, arguments ...any) [sha256.Size]byte {
	c.drawn = true
	call := function
	for _, argument := range arguments {
		text := fmt.Sprintf("%T %#v", argument, argument)
		call += fmt.Sprintf(" %d:%s", len(text), text)
	}
	n := c.calls[call]
	c.calls[call]++
	return c.key(fmt.Sprintf("%d %s", n, call))
}

func (c *chance) key(of string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, c.seed)
	mac.Write([]byte(of))
	return [sha256.Size]byte(mac.Sum(nil))
}

// wrap puts every function that draws behind one that seeds first.
func (c *chance) wrap(functions template.FuncMap) {
	originals := sprig.TxtFuncMap()
	for _, name := range drawing {
		functions[name] = before(reflect.ValueOf(originals[name]), func(arguments []any) {
			adapter.Seed(c.next(name, arguments...))
		})
	}
	// These two draw from math/rand, which cannot be seeded from outside.
	functions["randInt"] = func(min, max int) int {
		return rand.New(c.source("randInt", min, max)).Intn(max-min) + min
	}
	functions["shuffle"] = func(text string) string {
		return xstrings.ShuffleSource(text, c.source("shuffle", text))
	}
}

func (c *chance) source(function string, arguments ...any) rand.Source {
	return source{randv2.NewChaCha8(c.next(function, arguments...))}
}

// source gives the numbers of one call to math/rand.
type source struct{ numbers *randv2.ChaCha8 }

func (s source) Int63() int64 { return int64(s.numbers.Uint64() >> 1) }

func (s source) Uint64() uint64 { return s.numbers.Uint64() }

func (s source) Seed(seed int64) {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], uint64(seed))
	s.numbers.Seed(key)
}
