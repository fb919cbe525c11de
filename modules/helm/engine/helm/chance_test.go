package helm

import (
	"encoding/binary"
	"testing"
	"testing/cryptotest"

	"engine.helm.oarlock.dev/adapter"
)

// settable makes the system's random numbers start anew with every Seed, as they do in a component.
func settable(t *testing.T) {
	adapter.OnSeed = func(key [32]byte) { cryptotest.SetGlobalRandom(t, binary.LittleEndian.Uint64(key[:])) }
	t.Cleanup(func() { adapter.OnSeed = nil })
}

var everyRandomFunction = []string{
	`bcrypt "x"`, `encryptAES "k" "text"`, `(genCA "ca" 1).Cert`, `(genCAWithKey "ca" 1 (genPrivateKey "ecdsa")).Cert`,
	`genPrivateKey "ecdsa"`, `genPrivateKey "ed25519"`, `genPrivateKey "rsa"`, `(genSelfSignedCert "a" nil nil 1).Key`,
	`(genSelfSignedCertWithKey "a" nil nil 1 (genPrivateKey "ecdsa")).Cert`, `(genSignedCert "a" nil nil 1 (genCA "ca" 1)).Cert`,
	`(genSignedCertWithKey "a" nil nil 1 (genCA "ca" 1) (genPrivateKey "ed25519")).Cert`, `htpasswd "u" "p"`,
	`randAlpha 20`, `randAlphaNum 20`, `randAscii 20`, `randBytes 20`, `randNumeric 20`, `uuidv4`, `randInt 0 1000000000`,
	`shuffle "abcdefghijklmnopqrstuvwxyz"`,
}

func TestEveryRandomFunctionIsAFunctionOfTheSeed(t *testing.T) {
	settable(t)
	other := requestOf()
	other.Seed = "other"
	for _, call := range everyRandomFunction {
		text := "{{ " + call + " }}"
		first := evaluated(t, &world{}, text, requestOf())
		if again := evaluated(t, &world{}, text, requestOf()); first != again && !timed(call) {
			t.Errorf("%s: %q and then %q", call, first, again)
		}
		if with := evaluated(t, &world{}, text, other); first == with {
			t.Errorf("%s: another seed gives %q as well", call, first)
		}
		host := chartOf(t, files{"templates/NOTES.txt": text})
		equal(t, rendered(t, host, requestOf()).Random, true)
	}
}

// timed calls have the time in their result, which stands still only in a component.
func timed(call string) bool { return call[0] == '(' }

func TestCallsDoNotShiftEachOther(t *testing.T) {
	settable(t)
	alone := evaluated(t, &world{}, `{{ randAlphaNum 12 }} {{ randAlphaNum 12 }}`, requestOf())
	among := evaluated(t, &world{}, `{{ $_ := uuidv4 }}{{ randAlphaNum 12 }}{{ $_ := randAlphaNum 13 }}{{ $_ := randInt 0 9 }} {{ randAlphaNum 12 }}`, requestOf())
	equal(t, among, alone)
	if alone[:12] == alone[13:] {
		t.Errorf("two calls give the same: %q", alone)
	}
}

func TestNothingRandomIsTold(t *testing.T) {
	host := chartOf(t, files{"templates/a.yaml": "a: {{ upper \"b\" }}\n"})
	result := rendered(t, host, requestOf())
	equal(t, result.Random, false)
	equal(t, result.Timed, false)
}

func TestMisuseKeepsSprigsWords(t *testing.T) {
	for call, words := range map[string]string{
		`randInt 5 5`:      "error calling randInt: invalid argument to Intn",
		`randAlphaNum`:     "wrong number of args for randAlphaNum: want 1 got 0",
		`randAlphaNum "x"`: "expected integer; found \"x\"",
	} {
		host := chartOf(t, files{"templates/a.yaml": "{{ " + call + " }}"})
		if text := told(failure(t, host, requestOf())); !contains(text, words) {
			t.Errorf("%s: %s", call, text)
		}
	}
}
