// Plain Fastify on raw prepared SQLite, nothing measured: what all others are compared with.
'use strict'
const { rawRoutes } = require('./pages.js')
const { serve } = require('./serve.js')

serve(rawRoutes)
