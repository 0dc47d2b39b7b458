import { onPath, run } from './command.ts'
import type { Availability, Kind } from './kind.ts'
import type { Reservation } from './ports.ts'

type Image = Extract<Availability, { from: 'docker' }>

const images: Record<Kind, Image> = {
  etcd: { from: 'docker', image: 'quay.io/coreos/etcd:v3.5.17', entrypoint: ['etcd'] },
  zookeeper: { from: 'docker', image: 'zookeeper:3.8', entrypoint: ['zkServer.sh', 'start-foreground'] },
  consul: { from: 'docker', image: 'hashicorp/consul:1.20', entrypoint: ['consul'] },
}

/** Resolves to the image of this kind, pulled. Rejects when no daemon answers within 5 s or the pull fails. */
export async function docker(kind: Kind): Promise<Image> {
  if (!(await onPath('docker'))) throw new Error('no docker on the PATH')
  await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeoutMs: 5_000 })
  const found = images[kind]
  const present = run('docker', ['image', 'inspect', '--format', '{{.Id}}', found.image])
  await present.catch(() => run('docker', ['pull', '--quiet', found.image], { timeoutMs: 300_000 }))
  return found
}

/** The command that runs a server in the foreground of a container, with its folder at the same path as here. */
export function containerCommand(
  origin: Image,
  reservation: Reservation,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): { command: [string, ...string[]]; container: string } {
  const { folder, ports } = reservation
  const [entrypoint, ...first] = origin.entrypoint
  const container = `rpcx-servers-${ports[0]}-${process.pid}`
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`
  const options = ['--rm', '--name', container, '--user', user, '--volume', `${folder}:${folder}`]
  const published = ports.flatMap(port => ['--publish', `127.0.0.1:${port}:${port}`])
  const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`])
  const image = ['--entrypoint', entrypoint, origin.image, ...first]
  return { command: ['docker', 'run', ...options, ...published, ...variables, ...image, ...args], container }
}
