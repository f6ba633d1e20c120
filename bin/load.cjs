/* Loads the sources in a clone, and what was compiled of them in the package: Node runs no TypeScript inside of node_modules. */
'use strict'

var existsSync = require('node:fs').existsSync
var join = require('node:path').join

if (existsSync(join(__dirname, '..', 'topology.ts'))) import('../cli/main.ts')
else import('../dist/cli/main.js')
