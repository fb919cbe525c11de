package helm

import (
	"reflect"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// asksTheClock tells for sprig's functions whether a call with these arguments depends on the time. A component's clock
// stands at the request's `now` while it renders; here it is only about telling the caller.
var asksTheClock = map[string]func(arguments []any) bool{
	"ago":                      always,
	"date":                     unlessDate(1),
	"dateInZone":               unlessDate(1),
	"date_in_zone":             unlessDate(1),
	"durationRound":            func(arguments []any) bool { return isTime(arguments[0]) },
	"genCA":                    always,
	"genCAWithKey":             always,
	"genSelfSignedCert":        always,
	"genSelfSignedCertWithKey": always,
	"genSignedCert":            always,
	"genSignedCertWithKey":     always,
	"htmlDate":                 unlessDate(0),
	"htmlDateInZone":           unlessDate(0),
}

func always([]any) bool { return true }

func isTime(argument any) bool {
	_, is := argument.(time.Time)
	return is
}

// unlessDate: what is no date is formatted as if it were now.
func unlessDate(index int) func([]any) bool {
	return func(arguments []any) bool {
		switch arguments[index].(type) {
		case time.Time, *time.Time, int, int32, int64:
			return false
		}
		return true
	}
}

// watch puts these functions, or what is in their place already, behind ones that note it.
func (r *run) watch(functions template.FuncMap) {
	functions["now"] = func() time.Time {
		r.timed = true
		return r.now
	}
	originals := sprig.TxtFuncMap()
	for name, asks := range asksTheClock {
		original, ok := functions[name]
		if !ok {
			original = originals[name]
		}
		functions[name] = before(reflect.ValueOf(original), func(arguments []any) {
			r.timed = r.timed || asks(arguments)
		})
	}
}

// before is a function that looks at its arguments and then does what the original does. What a template sees of it,
// arguments, results and panics, stays.
func before(original reflect.Value, look func(arguments []any)) any {
	return reflect.MakeFunc(original.Type(), func(arguments []reflect.Value) []reflect.Value {
		plain := make([]any, len(arguments))
		for i, argument := range arguments {
			plain[i] = argument.Interface()
		}
		look(plain)
		return original.Call(arguments)
	}).Interface()
}
