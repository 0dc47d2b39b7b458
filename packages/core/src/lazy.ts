/**
 * Modules of Node's that many programs never need, loaded when they first do; and those that all need, but whose import as an
 * ECMAScript module would load what nobody needs, such as argument parsers. The former took 7 of the 24 ms of the import, the latter 1.5.
 */
export const lazy = {
  get crypto(): typeof import('node:crypto') {
    return process.getBuiltinModule('node:crypto')
  },
  get dns(): typeof import('node:dns') {
    return process.getBuiltinModule('node:dns')
  },
  get net(): typeof import('node:net') {
    return process.getBuiltinModule('node:net')
  },
  get os(): typeof import('node:os') {
    return process.getBuiltinModule('node:os')
  },
  get tls(): typeof import('node:tls') {
    return process.getBuiltinModule('node:tls')
  },
  get util(): typeof import('node:util') {
    return process.getBuiltinModule('node:util')
  },
  get zlib(): typeof import('node:zlib') {
    return process.getBuiltinModule('node:zlib')
  },
}
