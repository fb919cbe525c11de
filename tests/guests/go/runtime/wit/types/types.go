// Package wit_types holds the generic shapes of WIT that Go has no type for.
package wit_types

// Tags of Option.
const (
	OptionNone = 0
	OptionSome = 1
)

// Tags of Result.
const (
	ResultOk  = 0
	ResultErr = 1
)

// Unit is the payload of a result without one.
type Unit struct{}

// Option is WIT's option<T>. The zero value is none.
type Option[T any] struct {
	some  bool
	value T
}

// Some holds a value.
func Some[T any](value T) Option[T] { return Option[T]{some: true, value: value} }

// None holds nothing.
func None[T any]() Option[T] { return Option[T]{} }

// Tag is OptionNone or OptionSome.
func (o Option[T]) Tag() uint8 {
	if o.some {
		return OptionSome
	}
	return OptionNone
}

// Some is the value held; it panics on none.
func (o Option[T]) Some() T {
	if !o.some {
		panic("wit: Some of an option that is none")
	}
	return o.value
}

// SomeOr is the value held, or the one given on none.
func (o Option[T]) SomeOr(other T) T {
	if o.some {
		return o.value
	}
	return other
}

// IsSome tells whether a value is held.
func (o Option[T]) IsSome() bool { return o.some }

// IsNone tells whether nothing is held.
func (o Option[T]) IsNone() bool { return !o.some }

// Result is WIT's result<T, E>. The zero value is ok, with the zero value of T.
type Result[T, E any] struct {
	failed bool
	ok     T
	err    E
}

// Ok is a success.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{ok: value} }

// Err is a failure.
func Err[T, E any](value E) Result[T, E] { return Result[T, E]{failed: true, err: value} }

// Tag is ResultOk or ResultErr.
func (r Result[T, E]) Tag() uint8 {
	if r.failed {
		return ResultErr
	}
	return ResultOk
}

// Ok is the value of a success; it panics on a failure.
func (r Result[T, E]) Ok() T {
	if r.failed {
		panic("wit: Ok of a result that is an error")
	}
	return r.ok
}

// Err is the value of a failure; it panics on a success.
func (r Result[T, E]) Err() E {
	if !r.failed {
		panic("wit: Err of a result that is ok")
	}
	return r.err
}

// IsOk tells a success.
func (r Result[T, E]) IsOk() bool { return !r.failed }

// IsErr tells a failure.
func (r Result[T, E]) IsErr() bool { return r.failed }

// Tuple2 is WIT's tuple of two.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// Tuple3 is WIT's tuple of three.
type Tuple3[A, B, C any] struct {
	F0 A
	F1 B
	F2 C
}
