/** Of this package; the release writes it. */
export const version = '0.0.0'
