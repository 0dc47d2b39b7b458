/** Modules of Node's that many programs never need, loaded when they first do: together they took 7 of the 24 ms of the import. */
export const lazy = {
  get crypto(): typeof import('node:crypto') {
    return process.getBuiltinModule('node:crypto')
  },
  get dns(): typeof import('node:dns') {
    return process.getBuiltinModule('node:dns')
  },
  get os(): typeof import('node:os') {
    return process.getBuiltinModule('node:os')
  },
  get tls(): typeof import('node:tls') {
    return process.getBuiltinModule('node:tls')
  },
  get zlib(): typeof import('node:zlib') {
    return process.getBuiltinModule('node:zlib')
  },
}
