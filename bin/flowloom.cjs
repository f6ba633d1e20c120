#!/usr/bin/env node
/*
 * Where flowloom starts, in a clone (main.ts is a link to this file) and as the command of the package. It says so if Node is too old, so
 * it is written for every Node that there ever was: no syntax that an old one cannot read, and what is new is in a file of its own.
 */
'use strict'

var version = process.versions.node.split('.')
var major = Number(version[0])
var minor = Number(version[1])

// the same as `engines` in package.json
if (major >= 24 || (major === 22 && minor >= 18)) require('./load.cjs')
else {
  console.error('flowloom: this is Node ' + process.versions.node + ', and flowloom needs Node 22.18 or newer of 22, or 24 or newer')
  process.exitCode = 1
}
