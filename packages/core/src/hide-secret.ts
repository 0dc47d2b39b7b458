/**
 * Replaces a secret in a text that others wrote, such as the error message of a registry. Of a secret of a few characters, only whole words
 * are replaced: inside longer words, the mark would give the secret away.
 * @param mark stands in its place: `[password]`
 */
export function hideSecret(text: string, secret: string, mark: string): string {
  if (secret === '') return text
  if (secret.length >= SHORTEST) return text.replaceAll(secret, mark)
  const escaped = secret.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return text.replace(new RegExp(`(?<![\\p{L}\\p{N}])${escaped}(?![\\p{L}\\p{N}])`, 'gu'), mark)
}

const SHORTEST = 6
