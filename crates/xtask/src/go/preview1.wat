;; WASI preview 1 for guests whose toolchain insists on it, without any import.
;;
;; Because it imports nothing, a component linked with it has no WASI import left, and calling it from within
;; cabi_realloc, where no import may be called, is allowed. Everything is a constant or a counter: equal calls in equal
;; order give equal answers. Time and randomness that mean something are in the request.
;;
;; The clock starts at 1 µs and moves 1 µs with every look at it. Sleeping moves it by the time asked for, at once.
;; What is written to standard output or error is gone: guests write to the log of their world.
;;
;; Beyond WASI, a guest may import from here how to set what it is told: `oarlock_clock_set` stops the wall clock at a
;; moment (the monotonic one goes on), `oarlock_random_seed` starts the random numbers anew from a key of 32 bytes, and
;; `oarlock_random_draws` counts how often they were asked for.
(module
  (import "env" "memory" (memory 0))

  (global $clock (export "oarlock_clock") (mut i64) (i64.const 0)) ;; the clock
  (global $wall (mut i64) (i64.const 0)) ;; 0: not set

  ;; errno: 0 success, 8 badf, 44 noent, 52 nosys

  ;; --- arguments and environment: one argument, "guest" ---

  (func (export "args_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 1))
    (i32.store (local.get $bytes) (i32.const 6))
    (i32.const 0))

  (func (export "args_get") (param $argv i32) (param $buffer i32) (result i32)
    (i32.store (local.get $argv) (local.get $buffer))
    (i32.store align=1 (local.get $buffer) (i32.const 0x73657567)) ;; "gues"
    (i32.store16 offset=4 align=1 (local.get $buffer) (i32.const 0x0074)) ;; "t\0"
    (i32.const 0))

  (func (export "environ_sizes_get") (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))

  (func (export "environ_get") (param i32 i32) (result i32) (i32.const 0))

  ;; --- time ---

  (func (export "clock_res_get") (param $clock i32) (param $out i32) (result i32)
    (i64.store (local.get $out) (i64.const 1000))
    (i32.const 0))

  (func (export "clock_time_get") (param $id i32) (param $precision i64) (param $out i32) (result i32)
    (global.set $clock (i64.add (global.get $clock) (i64.const 1000)))
    (i64.store (local.get $out) (global.get $clock))
    (if (i32.eqz (local.get $id))
      (then
        (if (i64.ne (global.get $wall) (i64.const 0))
          (then (i64.store (local.get $out) (global.get $wall))))))
    (i32.const 0))

  (func (export "oarlock_clock_set") (param $nanoseconds i64)
    (global.set $wall (local.get $nanoseconds)))

  (func (export "sched_yield") (result i32) (i32.const 0))

  ;; Every subscription fires: clocks after moving the clock, others with nosys.
  ;; subscription (48 bytes): userdata 0, tag 8, clock timeout 24, clock flags 40. event (32 bytes): userdata 0, errno 8, type 10.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $n i32) (param $fired i32) (result i32)
    (local $left i32)
    (local $until i64)
    (i32.store (local.get $fired) (local.get $n))
    (local.set $left (local.get $n))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $left)))
        (i64.store (local.get $out) (i64.load (local.get $in)))
        (i64.store offset=8 (local.get $out) (i64.const 0))
        (i64.store offset=16 (local.get $out) (i64.const 0))
        (i64.store offset=24 (local.get $out) (i64.const 0))
        (i32.store8 offset=10 (local.get $out) (i32.load8_u offset=8 (local.get $in)))
        (if (i32.load8_u offset=8 (local.get $in))
          (then (i32.store16 offset=8 (local.get $out) (i32.const 52)))
          (else
            (local.set $until (i64.load offset=24 (local.get $in)))
            (if (i32.eqz (i32.and (i32.load16_u offset=40 (local.get $in)) (i32.const 1)))
              (then (local.set $until (i64.add (global.get $clock) (local.get $until)))))
            (if (i64.gt_u (local.get $until) (global.get $clock))
              (then (global.set $clock (local.get $until))))))
        (local.set $in (i32.add (local.get $in) (i32.const 48)))
        (local.set $out (i32.add (local.get $out) (i32.const 32)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $next)))
    (i32.const 0))

  ;; --- randomness: ChaCha20 (RFC 8439). Every call starts with a fresh block; what is left of its last one is dropped ---

  (global $key0 (mut i32) (i32.const 0))
  (global $key1 (mut i32) (i32.const 0))
  (global $key2 (mut i32) (i32.const 0))
  (global $key3 (mut i32) (i32.const 0))
  (global $key4 (mut i32) (i32.const 0))
  (global $key5 (mut i32) (i32.const 0))
  (global $key6 (mut i32) (i32.const 0))
  (global $key7 (mut i32) (i32.const 0))
  (global $block (mut i64) (i64.const 0))
  (global $draws (mut i64) (i64.const 0))

  (func (export "oarlock_random_seed") (param $key i32)
    (global.set $key0 (i32.load offset=0 align=1 (local.get $key)))
    (global.set $key1 (i32.load offset=4 align=1 (local.get $key)))
    (global.set $key2 (i32.load offset=8 align=1 (local.get $key)))
    (global.set $key3 (i32.load offset=12 align=1 (local.get $key)))
    (global.set $key4 (i32.load offset=16 align=1 (local.get $key)))
    (global.set $key5 (i32.load offset=20 align=1 (local.get $key)))
    (global.set $key6 (i32.load offset=24 align=1 (local.get $key)))
    (global.set $key7 (i32.load offset=28 align=1 (local.get $key)))
    (global.set $block (i64.const 0)))

  (func (export "oarlock_random_draws") (result i64) (global.get $draws))

  (func $quarter (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i32 i32 i32 i32)
    (local.set $a (i32.add (local.get $a) (local.get $b)))
    (local.set $d (i32.rotl (i32.xor (local.get $d) (local.get $a)) (i32.const 16)))
    (local.set $c (i32.add (local.get $c) (local.get $d)))
    (local.set $b (i32.rotl (i32.xor (local.get $b) (local.get $c)) (i32.const 12)))
    (local.set $a (i32.add (local.get $a) (local.get $b)))
    (local.set $d (i32.rotl (i32.xor (local.get $d) (local.get $a)) (i32.const 8)))
    (local.set $c (i32.add (local.get $c) (local.get $d)))
    (local.set $b (i32.rotl (i32.xor (local.get $b) (local.get $c)) (i32.const 7)))
    (local.get $a) (local.get $b) (local.get $c) (local.get $d))

  ;; Writes a word, or as much of it as there is room for.
  (func $put (param $out i32) (param $room i32) (param $word i32)
    (if (i32.ge_s (local.get $room) (i32.const 4))
      (then (i32.store align=1 (local.get $out) (local.get $word)) (return)))
    (block $done
      (loop $next
        (br_if $done (i32.le_s (local.get $room) (i32.const 0)))
        (i32.store8 (local.get $out) (local.get $word))
        (local.set $word (i32.shr_u (local.get $word) (i32.const 8)))
        (local.set $out (i32.add (local.get $out) (i32.const 1)))
        (local.set $room (i32.sub (local.get $room) (i32.const 1)))
        (br $next))))

  ;; Writes the next block, or as much of it as there is room for.
  (func $draw (param $out i32) (param $room i32)
    (local $rounds i32)
    (local $s0 i32) (local $s1 i32) (local $s2 i32) (local $s3 i32)
    (local $s4 i32) (local $s5 i32) (local $s6 i32) (local $s7 i32)
    (local $s8 i32) (local $s9 i32) (local $s10 i32) (local $s11 i32)
    (local $s12 i32) (local $s13 i32) (local $s14 i32) (local $s15 i32)
    (local.set $s0 (i32.const 0x61707865))
    (local.set $s1 (i32.const 0x3320646e))
    (local.set $s2 (i32.const 0x79622d32))
    (local.set $s3 (i32.const 0x6b206574))
    (local.set $s4 (global.get $key0))
    (local.set $s5 (global.get $key1))
    (local.set $s6 (global.get $key2))
    (local.set $s7 (global.get $key3))
    (local.set $s8 (global.get $key4))
    (local.set $s9 (global.get $key5))
    (local.set $s10 (global.get $key6))
    (local.set $s11 (global.get $key7))
    (local.set $s12 (i32.wrap_i64 (global.get $block)))
    (local.set $s13 (i32.wrap_i64 (i64.shr_u (global.get $block) (i64.const 32))))
    (local.set $s14 (i32.const 0))
    (local.set $s15 (i32.const 0))
    (local.set $rounds (i32.const 10))
    (loop $next
      (call $quarter (local.get $s0) (local.get $s4) (local.get $s8) (local.get $s12))
      (local.set $s12) (local.set $s8) (local.set $s4) (local.set $s0)
      (call $quarter (local.get $s1) (local.get $s5) (local.get $s9) (local.get $s13))
      (local.set $s13) (local.set $s9) (local.set $s5) (local.set $s1)
      (call $quarter (local.get $s2) (local.get $s6) (local.get $s10) (local.get $s14))
      (local.set $s14) (local.set $s10) (local.set $s6) (local.set $s2)
      (call $quarter (local.get $s3) (local.get $s7) (local.get $s11) (local.get $s15))
      (local.set $s15) (local.set $s11) (local.set $s7) (local.set $s3)
      (call $quarter (local.get $s0) (local.get $s5) (local.get $s10) (local.get $s15))
      (local.set $s15) (local.set $s10) (local.set $s5) (local.set $s0)
      (call $quarter (local.get $s1) (local.get $s6) (local.get $s11) (local.get $s12))
      (local.set $s12) (local.set $s11) (local.set $s6) (local.set $s1)
      (call $quarter (local.get $s2) (local.get $s7) (local.get $s8) (local.get $s13))
      (local.set $s13) (local.set $s8) (local.set $s7) (local.set $s2)
      (call $quarter (local.get $s3) (local.get $s4) (local.get $s9) (local.get $s14))
      (local.set $s14) (local.set $s9) (local.set $s4) (local.set $s3)
      (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
      (br_if $next (local.get $rounds)))
    (call $put (i32.add (local.get $out) (i32.const 0)) (i32.sub (local.get $room) (i32.const 0)) (i32.add (local.get $s0) (i32.const 0x61707865)))
    (call $put (i32.add (local.get $out) (i32.const 4)) (i32.sub (local.get $room) (i32.const 4)) (i32.add (local.get $s1) (i32.const 0x3320646e)))
    (call $put (i32.add (local.get $out) (i32.const 8)) (i32.sub (local.get $room) (i32.const 8)) (i32.add (local.get $s2) (i32.const 0x79622d32)))
    (call $put (i32.add (local.get $out) (i32.const 12)) (i32.sub (local.get $room) (i32.const 12)) (i32.add (local.get $s3) (i32.const 0x6b206574)))
    (call $put (i32.add (local.get $out) (i32.const 16)) (i32.sub (local.get $room) (i32.const 16)) (i32.add (local.get $s4) (global.get $key0)))
    (call $put (i32.add (local.get $out) (i32.const 20)) (i32.sub (local.get $room) (i32.const 20)) (i32.add (local.get $s5) (global.get $key1)))
    (call $put (i32.add (local.get $out) (i32.const 24)) (i32.sub (local.get $room) (i32.const 24)) (i32.add (local.get $s6) (global.get $key2)))
    (call $put (i32.add (local.get $out) (i32.const 28)) (i32.sub (local.get $room) (i32.const 28)) (i32.add (local.get $s7) (global.get $key3)))
    (call $put (i32.add (local.get $out) (i32.const 32)) (i32.sub (local.get $room) (i32.const 32)) (i32.add (local.get $s8) (global.get $key4)))
    (call $put (i32.add (local.get $out) (i32.const 36)) (i32.sub (local.get $room) (i32.const 36)) (i32.add (local.get $s9) (global.get $key5)))
    (call $put (i32.add (local.get $out) (i32.const 40)) (i32.sub (local.get $room) (i32.const 40)) (i32.add (local.get $s10) (global.get $key6)))
    (call $put (i32.add (local.get $out) (i32.const 44)) (i32.sub (local.get $room) (i32.const 44)) (i32.add (local.get $s11) (global.get $key7)))
    (call $put (i32.add (local.get $out) (i32.const 48)) (i32.sub (local.get $room) (i32.const 48)) (i32.add (local.get $s12) (i32.wrap_i64 (global.get $block))))
    (call $put (i32.add (local.get $out) (i32.const 52)) (i32.sub (local.get $room) (i32.const 52)) (i32.add (local.get $s13) (i32.wrap_i64 (i64.shr_u (global.get $block) (i64.const 32)))))
    (call $put (i32.add (local.get $out) (i32.const 56)) (i32.sub (local.get $room) (i32.const 56)) (i32.add (local.get $s14) (i32.const 0)))
    (call $put (i32.add (local.get $out) (i32.const 60)) (i32.sub (local.get $room) (i32.const 60)) (i32.add (local.get $s15) (i32.const 0)))
    (global.set $block (i64.add (global.get $block) (i64.const 1))))

  (func (export "random_get") (param $out i32) (param $left i32) (result i32)
    (global.set $draws (i64.add (global.get $draws) (i64.const 1)))
    (block $done
      (loop $next
        (br_if $done (i32.le_s (local.get $left) (i32.const 0)))
        (call $draw (local.get $out) (local.get $left))
        (local.set $out (i32.add (local.get $out) (i32.const 64)))
        (local.set $left (i32.sub (local.get $left) (i32.const 64)))
        (br $next)))
    (i32.const 0))

  ;; --- the end ---

  (func (export "proc_exit") (param i32) unreachable)
  (func (export "proc_raise") (param i32) (result i32) unreachable)

  ;; --- file descriptors: 0, 1 and 2 are there, read nothing and take everything ---

  (func $std (param $fd i32) (result i32)
    (select (i32.const 0) (i32.const 8) (i32.lt_u (local.get $fd) (i32.const 3))))

  (func (export "fd_write") (param $fd i32) (param $vectors i32) (param $n i32) (param $written i32) (result i32)
    (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $n)))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $vectors))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $written) (local.get $sum))
    (call $std (local.get $fd)))

  (func (export "fd_read") (param $fd i32) (param $vectors i32) (param $n i32) (param $read i32) (result i32)
    (i32.store (local.get $read) (i32.const 0))
    (call $std (local.get $fd)))

  ;; filetype 2 is a character device
  (func (export "fd_fdstat_get") (param $fd i32) (param $out i32) (result i32)
    (i64.store (local.get $out) (i64.const 2))
    (i64.store offset=8 (local.get $out) (i64.const 0))
    (i64.store offset=16 (local.get $out) (i64.const 0))
    (call $std (local.get $fd)))

  (func (export "fd_close") (param $fd i32) (result i32) (call $std (local.get $fd)))
  (func (export "fd_sync") (param $fd i32) (result i32) (call $std (local.get $fd)))
  (func (export "fd_datasync") (param $fd i32) (result i32) (call $std (local.get $fd)))
  (func (export "fd_fdstat_set_flags") (param $fd i32) (param i32) (result i32) (call $std (local.get $fd)))

  ;; No directory is opened beforehand.
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))

  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 52))
  (func (export "fd_fdstat_set_rights") (param i32 i64 i64) (result i32) (i32.const 52))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 52))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 52))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 52))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "fd_tell") (param i32 i32) (result i32) (i32.const 52))

  ;; --- files: there are none ---

  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 44))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 44))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 44))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 52))

  ;; --- sockets: there are none ---

  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 52)))
