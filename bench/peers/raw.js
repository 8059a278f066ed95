// Plain Fastify on raw prepared SQLite, without measurements: the baseline of all others.
'use strict'
const { rawRoutes } = require('./pages.js')
const { serve } = require('./serve.js')

serve(rawRoutes)
