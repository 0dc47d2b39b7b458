/** Returns a shorter input that still fails. Removes halves at first, then ever smaller parts. Takes a few seconds at most. */
export async function shrunk(input: Buffer, fails: (candidate: Buffer) => Promise<boolean>): Promise<Buffer> {
  const end = performance.now() + LONGEST_MS
  let shortest = input
  for (let part = Math.ceil(input.length / 2); part >= 1; part = part === 1 ? 0 : Math.ceil(part / 2)) {
    for (let at = 0; at < shortest.length && performance.now() < end; ) {
      const candidate = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + part)])
      if (await fails(candidate)) shortest = candidate
      else at += part
    }
  }
  return shortest
}

const LONGEST_MS = 5_000
