import type { Entry } from './driver.ts'

/** Checks the size of metadata. @throws RangeError when the metadata of `entry` have more bytes than a registry accepts */
export function checkMetadataSize(registry: string, { service, metadata }: Entry, limitBytes: number): void {
  const bytes = Buffer.byteLength(metadata)
  if (bytes <= limitBytes) return
  throw new RangeError(
    `${registry}: the metadata of ${service} have ${bytes} bytes, more than its limit of ${limitBytes}`,
  )
}
