/** Writes a key. Rejects when etcd does not accept it within 2 s. */
export async function putKey(address: string, key: string): Promise<void> {
  await ask(address, 'put', { key: btoa(key), value: btoa('value') })
}

/** Reads a key from the majority. Rejects when etcd does not respond within 2 s. */
export async function hasKey(address: string, key: string): Promise<boolean> {
  const { count } = await ask(address, 'range', { key: btoa(key) })
  return count === '1'
}

async function ask(address: string, operation: string, body: object): Promise<{ count?: string }> {
  const response = await fetch(`http://${address}/v3/kv/${operation}`, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(2_000),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${operation}: ${response.status} ${text}`)
  return JSON.parse(text) as { count?: string }
}
