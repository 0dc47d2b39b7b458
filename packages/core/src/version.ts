/** The version of this package, which the release script writes. */
export const version = '0.0.0'
