// Parts of the local stack that need no running service, or one of their own.
import assert from 'node:assert/strict'
import fs, { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { rootCertificates } from 'node:tls'
import { join } from 'node:path'
import { after, describe, it, mock } from 'node:test'
import { loadConfig } from '../../config/config.ts'
import { ChildService } from '../../stack/child-service.ts'
import { clickhouseFault } from '../../stack/clickhouse-error.ts'
import { insertFromFile, readDataInsert, splitInlineInsert } from '../../stack/clickhouse-insert.ts'
import { findJava, useClassArchive } from '../../stack/java.ts'
import { claimPidFile, readPidFile, writePidFile } from '../../stack/process-mark.ts'
import { startProgram } from '../support/processes/command-line.ts'
import { findPortsInUse, freePorts } from '../../stack/ports.ts'
import { checkDisk, checkMaven, checkNode, checkPackages } from '../../stack/preflight.ts'
import { runTool } from '../../stack/run-tool.ts'
import { Faults, readS3Request } from '../../stack/s3-faults.ts'
import { removeTornObjects } from '../../stack/s3-torn-objects.ts'
import { stackEnvironment } from '../../stack/stack-environment.ts'
import { StackError } from '../../stack/stack-error.ts'
import { StackFolder } from '../../stack/stack-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowloom-parts-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const codes = (errors: StackError[]): string[] => errors.map(error => error.code)
const failure = (code: string) => (error: unknown) => error instanceof StackError && error.code === code

describe('preflight', () => {
  it('tells versions of Node apart', () => {
    const versions = ['20.20.2', '22.17.1', '22.18.0', '24.21.0']
    assert.deepEqual(
      versions.map(version => codes(checkNode(version)).length),
      [1, 1, 0, 0],
    )
  })

  it('finds packages that are not installed', () => {
    assert.deepEqual(codes(checkPackages(['fauxqs', 'no-such-package'])), ['PACKAGE_MISSING'])
  })

  it('says how much space is free, and how much it takes', async () => {
    assert.deepEqual(await checkDisk(folder, 0), [])
    const [error] = await checkDisk(folder, 2 ** 60)
    assert.match(error?.message ?? '', /^only [\d.]+ GiB are free at .* needs 1073741824\.0 GiB/)
  })

  it('tells a Maven that does not start from none', async () => {
    const path = process.env['PATH']
    const bin = join(folder, 'maven')
    const mvn = (text: string, mode = 0o755): void => {
      rmSync(join(bin, 'mvn'), { force: true })
      writeFileSync(join(bin, 'mvn'), `#!/bin/sh\n${text}\n`, { mode })
    }
    mkdirSync(bin, { recursive: true })
    try {
      process.env['PATH'] = ''
      const [none] = await checkMaven(folder)
      assert.match(none?.message ?? '', /^no Maven found \(mvn\)[^\n]*$/)
      process.env['PATH'] = bin
      assert.deepEqual(codes(await checkMaven(folder)), ['MAVEN_MISSING'])
      mvn('echo "JAVA_HOME is not defined correctly" >&2; exit 1')
      const [broken] = await checkMaven(folder)
      assert.equal(broken?.code, 'MAVEN_FAILED')
      assert.match(broken.message, /^Maven, .* does not start; .*mvn failed \(exit code 1\):\nJAVA_HOME is not defined correctly$/)
      mvn('exit 0', 0o644)
      assert.deepEqual(codes(await checkMaven(folder)), ['MAVEN_FAILED'])
      mvn('exit 0')
      assert.deepEqual(await checkMaven(folder), [])
    } finally {
      process.env['PATH'] = path
    }
  })

  it('looks for Java where JAVA_HOME says', async () => {
    const home = process.env['JAVA_HOME']
    const set = (value: string | undefined): void => {
      if (value === undefined) delete process.env['JAVA_HOME']
      else process.env['JAVA_HOME'] = value
    }
    const fake = (name: string, version: string): string => {
      mkdirSync(join(folder, name, 'bin'), { recursive: true })
      writeFileSync(join(folder, name, 'bin', 'java'), `#!/bin/sh\necho 'openjdk version "${version}"' >&2\n`, { mode: 0o755 })
      return join(folder, name)
    }
    try {
      set(join(folder, 'nowhere'))
      await assert.rejects(findJava(), failure('JAVA_MISSING'))
      for (const version of ['1.8.0_402', '11.0.2']) {
        set(fake('old', version))
        await assert.rejects(findJava(), (error: Error) => failure('JAVA_TOO_OLD')(error) && error.message.includes(version))
      }
      set(fake('new', '25'))
      assert.equal((await findJava()).version, 'openjdk version "25"')
    } finally {
      set(home)
    }
  })
})

describe('ports', () => {
  it('finds the port that is in use', async () => {
    const ports = await freePorts()
    assert.equal(new Set(Object.values(ports)).size, 6)
    const server = createServer()
    await new Promise<void>(resolve => server.listen(ports.s3, '127.0.0.1', resolve))
    const found = await findPortsInUse(ports, ['kafka', 's3'])
    server.close()
    assert.deepEqual(codes(found), ['PORT_IN_USE'])
    assert.match(found[0]?.message ?? '', new RegExp(`^port ${ports.s3} of S3 and SQS .* --s3-port or STACK_S3_PORT$`))
  })
})

describe('pid files', () => {
  it('do not take a later process with the same pid for the one that wrote them', () => {
    const file = join(folder, 'later.pid')
    writePidFile(file, { pid: process.pid, started: 'before' })
    assert.equal(readPidFile(file), undefined)
    assert.equal(claimPidFile(file), undefined)
    assert.equal(claimPidFile(file)?.pid, process.pid)
  })
})

describe('stack folder', () => {
  it('where no folder can be made is one line at once, as a command', { timeout: 10_000 }, async () => {
    const { code, err, ms } = await startProgram(process.execPath, ['stack/stack-command.ts', '--data-dir', '/proc/nope']).ended
    assert.equal(code, 1)
    assert.match(err, /^cannot use the folder \/proc\/nope \([A-Z]+\); choose another one with --data-dir or STACK_DATA_DIR[^\n]*\n$/)
    assert.ok(ms < 3000, `${ms.toFixed(0)} ms`)
  })

  it('that cannot be written to is one line that says what to do', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, '')
    await assert.rejects(
      new StackFolder(join(file, 'stack')).claim(() => undefined),
      (error: Error) => {
        assert.ok(failure('FOLDER_UNUSABLE')(error))
        assert.match(
          error.message,
          /^cannot use the folder .*file\/stack \(ENOTDIR\); choose another one with --data-dir or STACK_DATA_DIR[^\n]*$/,
        )
        return true
      },
    )
  })

  it('on a full disk says so before anything else', async () => {
    const full = join(folder, 'full')
    mkdirSync(join(full, 'run'), { recursive: true })
    const write = mock.method(fs, 'writeFileSync', () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    })
    syncBuiltinESMExports()
    try {
      await assert.rejects(
        new StackFolder(full).claim(() => undefined),
        failure('DISK_WRITE_FULL'),
      )
    } finally {
      write.mock.restore()
      syncBuiltinESMExports()
    }
  })
})

describe('child service', () => {
  it('that ends while it starts shows the end of its log', async () => {
    const print = 'console.log("before"); console.error("cannot bind"); process.exitCode = 7'
    const service = {
      name: 's3' as const,
      prepare: async () => ({ command: process.execPath, args: ['-e', print] }),
      answers: async () => false,
    }
    const child = new ChildService(service, { logs: folder, run: folder }, () => undefined)
    await assert.rejects(child.start(), (error: Error) => failure('START_FAILED')(error) && error.message.endsWith('before\ncannot bind'))
    assert.equal(child.pid, undefined)
  })

  it('that cannot be started says so', async () => {
    const service = {
      name: 's3' as const,
      prepare: async () => ({ command: join(folder, 'nothing'), args: [] }),
      answers: async () => false,
    }
    await assert.rejects(new ChildService(service, { logs: folder, run: folder }, () => undefined).start(), failure('START_FAILED'))
  })
})

describe('tools', () => {
  it('that fail show the end of their output', async () => {
    await assert.rejects(runTool('sh', ['-c', 'echo out; echo err >&2; exit 3']), { message: 'sh failed (exit code 3):\nout\nerr' })
  })
})

describe('class archives', () => {
  it('are kept only from a run that ended in order', () => {
    const java = { java: 'java', keytool: 'keytool', version: 'x' }
    const archives = join(folder, 'archives')
    for (const inOrder of [false, true]) {
      const run = useClassArchive(java, archives, 'app')
      assert.equal(run.writes, true)
      writeFileSync((run.flags[0] ?? '').replace(/^.*=/, ''), '')
      run.finish(inOrder)
      assert.equal(readdirSync(archives).length, inOrder ? 1 : 0)
    }
    assert.equal(useClassArchive(java, archives, 'app').writes, false)
    assert.equal(useClassArchive({ ...java, version: 'y' }, archives, 'app').writes, true)
  })
})

describe('clickhouse statements', () => {
  const inserts = [
    ['INSERT INTO t FORMAT Native', { into: 'INSERT INTO t', settings: '', format: 'Native' }],
    ['insert into `a b`.t (a, b)\nFORMAT JSONEachRow\n;', { into: 'insert into `a b`.t (a, b)', settings: '', format: 'JSONEachRow' }],
    [
      `-- why\nINSERT INTO t (\`select\`) SETTINGS insert_deduplication_token = 'a FORMAT b', async_insert=0 FORMAT Native`,
      {
        into: '-- why\nINSERT INTO t (`select`)',
        settings: `SETTINGS insert_deduplication_token = 'a FORMAT b', async_insert=0`,
        format: 'Native',
      },
    ],
  ] as const
  for (const [sql, expected] of inserts)
    it(`takes rows beside: ${sql}`, () => {
      assert.deepEqual(readDataInsert(sql), expected)
    })

  for (const sql of ['SELECT 1 FORMAT Native', 'INSERT INTO t SELECT 1 FORMAT Native', 'INSERT INTO t VALUES (1)', 'INSERT INTO t', ''])
    it(`takes no rows beside: ${sql}`, () => {
      assert.equal(readDataInsert(sql), undefined)
    })

  it('finds where rows start in the body', () => {
    const body = Buffer.from('INSERT INTO t (é) FORMAT CSV\r\n1\n')
    const split = splitInlineInsert(body)
    assert.equal(String(body.subarray(split?.dataOffset)), '1\n')
    assert.equal(split?.statement.into, 'INSERT INTO t (é)')
    assert.equal(splitInlineInsert(Buffer.from('SELECT 1 FORMAT CSV\n')), undefined)
  })

  it('puts the settings behind the file', () => {
    const sql = insertFromFile({ into: 'INSERT INTO t', settings: 'SETTINGS a = 1', format: 'Native' }, `/it's`)
    assert.equal(sql, `INSERT INTO t FROM INFILE '/it\\'s' COMPRESSION 'none' SETTINGS a = 1 FORMAT Native`)
  })

  it('gives every error a code, a type and a version', () => {
    const known = clickhouseFault(new Error('Query failed: Code: 60. DB::Exception: Code: 60. DB::Exception: no t. (UNKNOWN_TABLE)'), '1.2')
    assert.deepEqual(known, { code: 60, status: 404, text: 'Code: 60. DB::Exception: no t. (UNKNOWN_TABLE) (version 1.2 (embedded))\n' })
    assert.deepEqual(clickhouseFault('odd', '1.2').code, 1002)
  })
})

describe('s3 faults', () => {
  it('hold for the prefix, the bucket, the operation and the number of requests', () => {
    const faults = new Faults()
    faults.rules = [{ prefix: 'a/', bucket: 'one', operations: ['get', 'list'], status: 403, times: 2 }]
    const take = (method: string, url: string): boolean => {
      const request = readS3Request(method, url)
      return request !== undefined && faults.take(request) !== undefined
    }
    assert.equal(take('GET', '/one/b/a/'), false)
    assert.equal(take('PUT', '/one/a/1'), false)
    assert.equal(take('GET', '/two/a/1'), false)
    assert.equal(take('GET', '/one/a/%C3%A9'), true)
    assert.equal(take('GET', '/one?list-type=2&prefix=a%2Fb'), true)
    assert.equal(take('GET', '/one/a/1'), false)
    assert.equal(readS3Request('GET', '/_faults'), undefined)
  })
})

describe('s3 files', () => {
  it('of a write that was cut off are removed', () => {
    const objects = join(folder, 'buckets', 'b', 'objects', 'k')
    mkdirSync(objects, { recursive: true })
    const write = (name: string, text: string): void => writeFileSync(join(objects, name), text)
    write('whole.data', 'abc')
    write('whole.meta.json', '{"contentLength":3}')
    write('short.data', 'ab')
    write('short.meta.json', '{"contentLength":3}')
    write('cut.data', 'abc')
    write('cut.meta.json', '{"content')
    write('alone.data', 'abc')
    assert.equal(removeTornObjects(folder), 3)
    assert.deepEqual(readdirSync(objects).sort(), ['whole.data', 'whole.meta.json'])
  })
})

describe('stack environment', () => {
  it('is a configuration that flowloom takes', () => {
    const endpoints = {
      kafkaBrokers: ['127.0.0.1:1'],
      kafkaTlsBrokers: ['localhost:2'],
      registryUrl: 'http://127.0.0.1:3/apis/ccompat/v7',
      s3Endpoint: 'http://127.0.0.1:4',
      sqsQueueUrl: 'http://127.0.0.1:4/0/q',
      clickhouseUrl: 'http://127.0.0.1:5',
    }
    const folder = mkdtempSync(join(tmpdir(), 'flowloom-ca-'))
    after(() => rmSync(folder, { recursive: true }))
    const caFile = join(folder, 'ca.pem')
    writeFileSync(caFile, rootCertificates[0]!)
    const kafkaTls = { caFile, mechanism: 'scram-sha-512' as const, username: 'u', password: 'p' }
    const config = loadConfig({ env: stackEnvironment({ endpoints, kafkaTls }) })
    assert.deepEqual([config.kafka.brokers, config.kafka.tls, config.kafka.password], [['localhost:2'], true, 'p'])
    assert.deepEqual([config.s3.endpoint, config.s3.pathStyle, config.clickhouse.url], ['http://127.0.0.1:4', true, 'http://127.0.0.1:5'])
    assert.deepEqual(loadConfig({ env: stackEnvironment({ endpoints: { ...endpoints } }) }).kafka.tls, false)
  })
})
