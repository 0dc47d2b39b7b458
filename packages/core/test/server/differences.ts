/**
 * What our server does instead of what the recorded Go server did: in a scenario as a whole, or in the reply to one of
 * its requests (`scenario#seq`).
 */
export interface Difference {
  readonly why: string
  /** The value of the payload, as `meaningOf` has it. */
  readonly value?: unknown
  /** The value of the request comes back as the reply. */
  readonly echoes?: true
  /** The value of Go's reply comes with all integers beyond 2^53 as JavaScript numbers. */
  readonly rounds?: true
  readonly error?: { readonly code: string; readonly text: RegExp }
  readonly header?: { readonly status?: number; readonly nibble?: number }
  /** The connection is closed, and nothing is answered. */
  readonly closes?: true
  /** A heartbeat comes back as it was, and the connection stays. */
  readonly beats?: true
  /** Answered by an error with this text as soon as the header is there; what follows is left out. */
  readonly refuses?: RegExp
  /** Answered, while Go closed so soon that the reply was lost. */
  readonly answers?: true
}

export const differences: Readonly<Record<string, Difference>> = {
  // Frames

  ...all(['len.total-zero', 'len.total-zero-then-good', 'len.path-beyond', 'len.path-max'], {
    why: 'Go takes a service that does not fit into its frame for an empty one; we close',
    closes: true,
  }),
  ...all(['len.method-beyond', 'len.meta-beyond'], {
    why: 'Go takes what does not fit into its frame for empty; we close',
    closes: true,
  }),
  'len.huge-announced': {
    why: 'Go has no limit; a call longer than maxFrameBytes fails alone',
    refuses: /^the call: 104857600 bytes, more than maxFrameBytes 16777216$/,
  },
  'heartbeat.gzip': {
    why: 'Go decompresses a heartbeat before authentication; we return it unchanged',
    beats: true,
  },
  'len.total-long#1': {
    why: 'Go closed before it answered the request in front of the broken one',
    answers: true,
    value: { C: 200 },
  },
  'len.total-short#1': {
    why: 'Go closed before it answered the request in front of the broken one',
    answers: true,
    error: { code: 'ERR_RPCX_ARGUMENT', text: /^msgpack: unexpected EOF/ },
  },
  ...all(['bad.status-bits#1', 'bad.status-3#1'], {
    why: 'Go echoes the status bits of the request, so that a good reply looks like a failure',
    header: { status: 0 },
  }),

  'auth.pipelined-bad#1': {
    why: 'Go closed before it answered the request in front of the one that it refused',
    answers: true,
    value: { C: 200 },
  },

  // Failures

  'error.panic#0': {
    why: 'Go sends the stack trace and the arguments; ours never leave the server',
    error: { code: 'ERR_RPCX_SERVICE', text: /^kaboom$/ },
  },
  'name.long#0': {
    why: 'a service name with a / would be two levels in a registry: it cannot be registered',
    error: { code: 'ERR_RPCX_SERVICE_NOT_FOUND', text: /^rpcx: can't find service very\.long\/service-name/ },
  },
  'server.undecodable-args#0': {
    why: 'arguments have no types here: the method itself refuses them',
    error: { code: 'ERR_RPCX_SERVICE', text: /^A is a string, not an integer$/ },
  },
  'odd.raw-to-struct#1': {
    why: 'raw bytes are an argument like any other; that the reply is none is what fails',
    error: { code: 'ERR_RPCX_CODEC', text: /^raw: the value is object, not a Uint8Array$/ },
  },
  ...all(['odd.protobuf-to-struct#1', 'odd.thrift-to-struct#1'], {
    why: 'there is no codec of this number unless the server is given one',
    error: { code: 'ERR_RPCX_CODEC', text: /^can not find codec for [24]$/ },
  }),
  ...all(['odd.json-wrong-codec#1', 'odd.empty-payload-json#1', 'decode.json.bom#1'], {
    why: 'our JSON fails in other words',
    error: { code: 'ERR_RPCX_ARGUMENT', text: /^json: Unexpected / },
  }),
  ...all(['odd.empty-payload-msgpack#1', 'decode.msgpack.trunc-map#1'], {
    why: 'our MessagePack fails in other words',
    error: { code: 'ERR_RPCX_ARGUMENT', text: /^msgpack: (unexpected )?EOF: / },
  }),
  'decode.msgpack.bad-code-c1#1': {
    why: 'our MessagePack fails in other words',
    error: { code: 'ERR_RPCX_ARGUMENT', text: /^msgpack: 0xc1 at byte 3 begins no value$/ },
  },
  'decode.json.trailing#1': {
    why: 'Go reads the first value only; JSON.parse wants no more than one',
    error: { code: 'ERR_RPCX_ARGUMENT', text: /^json: Unexpected / },
  },

  // Arguments without types: Go converts or refuses them, a method of ours gets them as they were sent

  ...all(
    [
      ...['int-from-float', 'int-from-float-huge', 'int-from-string', 'int-from-bool', 'int-from-nil'],
      ...[
        'int8-overflow',
        'uint-from-negative',
        'u8-from-negative',
        'int64-from-uint64max',
        'float-from-uint64',
      ],
      ...['bool-from-string', 'bool-from-int', 'bool-from-nil', 'string-from-bin', 'string-from-int'],
      ...[
        'string-from-nil',
        'bytes-from-str',
        'bytes-from-array',
        'bytearr-short',
        'bytearr-array',
        'arr3-short',
      ],
      ...['arr3-long', 'slice-from-map', 'slice-nil-element', 'map-from-array', 'map-keys-int'],
      ...['map-int-key-from-string', 'struct-from-array', 'struct-from-short-array', 'struct-long-array'],
      ...[
        'struct-from-empty-array',
        'struct-from-string',
        'struct-from-nil',
        'time-from-int',
        'time-from-string',
      ],
      ...['time-from-float', 'time-from-nil', 'any-ext', 'any-map-int-key'],
    ].map(name => `decode.msgpack.${name}#1`),
    { why: 'a value of another type is not converted', echoes: true },
  ),
  ...all(
    [
      ...['int-from-float', 'int-from-exp', 'int-from-string', 'int-overflow', 'int-null', 'bytes-array'],
      ...['bytes-bad-base64', 'bytes-base64url', 'bytes-nopad', 'time-jsdate', 'time-number'],
    ].map(name => `decode.json.${name}#1`),
    { why: 'a value of another type is not converted', echoes: true },
  ),
  ...all(['decode.msgpack.args-nil#1', 'decode.json.null#1'], {
    why: 'null has no fields, which the method finds out',
    error: { code: 'ERR_RPCX_SERVICE', text: /^Cannot destructure property 'V' of .* as it is null/ },
  }),
  ...all(
    ['args-array', 'args-int', 'lowercase-key', 'bin-key', 'int-key'].map(name => `decode.msgpack.${name}#1`),
    {
      why: 'what has no key "V" gives the method no value',
      value: { V: null },
    },
  ),
  ...all(['decode.json.case-insensitive#1', 'decode.json.array#1'], {
    why: 'what has no key "V" gives the method no value',
    value: {},
  }),

  // Values that JavaScript does not have

  'type.msgpack.F64Special#3': { why: 'minus zero is written as the integer 0', value: { V: 0 } },
  ...all(['type.msgpack.Any#6', 'decode.msgpack.any-float32#1'], {
    why: 'a number that was a float32 is a float64 unless the method says Float32',
    value: { V: { $float64: 1.5 } },
  }),
  'decode.msgpack.float32-from-float64#1': {
    why: 'the method makes a float32 of any number',
    value: { V: { $float32: Math.fround(0.1) } },
  },
  'type.msgpack.S#4': { why: 'texts are Unicode', value: { V: 'bad\ufffdutf8' } },
  'decode.msgpack.string-bad-utf8#1': { why: 'texts are Unicode', value: { V: '\ufffd\ufffd' } },
  'decode.json.lone-surrogate#1': {
    why: 'half a character stays an escape, which Go reads as U+FFFD',
    echoes: true,
  },
  'type.msgpack.Time#2': {
    why: 'a Date has milliseconds',
    value: { V: { $time: [1772600767, 123_000_000] } },
  },
  'type.msgpack.Time#4': { why: 'a Date has milliseconds', value: { V: { $time: [-315_619_200, 0] } } },
  'decode.msgpack.time-ts64#1': {
    why: 'a Date has milliseconds',
    value: { V: { $time: [1772600847, 123_000_000] } },
  },
  'decode.msgpack.time-ts96#1': {
    why: 'a Date has milliseconds',
    value: { V: { $time: [-315_619_200, 0] } },
  },
  'type.json.F64Special#3': { why: 'minus zero is written as the integer 0', value: { V: 0 } },
  ...all(
    [
      ...[
        'I64#0',
        'I64#4',
        'I64#5',
        'U64#2',
        'U64#3',
        'Int#0',
        'Int#17',
        'Uint#5',
        'Any#5',
        'MapSA#2',
        'structs#2',
      ].map(key => `type.json.${key}`),
      'decode.json.big-number-any#1',
    ],
    { why: 'JSON.parse rounds integers beyond 2^53', rounds: true },
  ),
}

function all(keys: readonly string[], difference: Difference): Record<string, Difference> {
  return Object.fromEntries(keys.map(key => [key, difference]))
}
