/**
 * Modules of Node that are loaded on first use. Many programs never need some of them. All programs need the others, but an import as an
 * ECMAScript module would also load parts that nothing uses, such as argument parsers. This shortens the import of the package.
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
  get stream(): typeof import('node:stream') {
    return process.getBuiltinModule('node:stream')
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
