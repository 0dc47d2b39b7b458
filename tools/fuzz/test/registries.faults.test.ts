import { registries } from '../src/entrances/index.ts'
import { withstand } from './withstand.ts'

withstand(registries)
