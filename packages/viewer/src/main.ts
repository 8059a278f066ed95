#!/usr/bin/env node
import { runViewer } from './program.ts'

await runViewer({ name: 'rollcall-viewer' })
