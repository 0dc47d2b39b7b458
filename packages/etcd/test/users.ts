import type { Harness } from './harness.ts'

/** The user with the rights of servers and clients below the base path of a harness. */
export const auth = { username: 'rpcx', password: 'open' }

/** Enables authentication with the users `root`, `rpcx`, and `stranger`, which has no rights. All passwords are `open`. */
export async function addUsers({ gateway, basePath }: Harness): Promise<void> {
  await gateway.ask('auth/role/add', { name: 'root' })
  await gateway.ask('auth/role/add', { name: 'fleet' })
  for (const base of [basePath, basePath.slice(1)]) {
    const perm = { permType: 'READWRITE', key: base64(base), range_end: base64(`${base}0`) }
    await gateway.ask('auth/role/grant', { name: 'fleet', perm })
  }
  const users = { root: 'root', rpcx: 'fleet', stranger: undefined }
  for (const [user, role] of Object.entries(users)) {
    await gateway.ask('auth/user/add', { name: user, password: 'open' })
    if (role) await gateway.ask('auth/user/grant', { user, role })
  }
  await gateway.ask('auth/enable', {})
}

/** The metric of successful logins, for `Gateway.figure`. */
export function logIns({ gateway }: Harness): Promise<number> {
  return gateway.figure('grpc_server_handled_total', 'grpc_code="OK",grpc_method="Authenticate"')
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
