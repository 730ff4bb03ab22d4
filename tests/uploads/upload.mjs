// Uploads a file to a task with tus-js-client, as the web client does:
// node upload.mjs URL TASK FILE NAME. Who uploads is in FRAMEMILL_USER and
// FRAMEMILL_PASSWORD.
import { createReadStream } from 'node:fs'
import * as tus from 'tus-js-client'

const [url, task, file, name] = process.argv.slice(2)
const login = Buffer.from(`${process.env.FRAMEMILL_USER}:${process.env.FRAMEMILL_PASSWORD}`).toString('base64')

const upload = new tus.Upload(createReadStream(file), {
  endpoint: `${url}/api/tasks/${task}/data/`,
  headers: { Authorization: `Basic ${login}` },
  metadata: { filename: name, filetype: 'application/octet-stream' },
  chunkSize: 10 * 2 ** 20,
  retryDelays: [0, 100, 1000, 3000, 5000],
  onError: (error) => {
    console.error(error)
    process.exit(1)
  },
})
upload.start()
