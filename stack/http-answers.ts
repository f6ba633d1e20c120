/** Makes a question that is answered with true when a GET of the URL gives status 200 within 2 s. */
export const httpAnswers =
  (url: string): (() => Promise<boolean>) =>
  async () => {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await response.arrayBuffer()
    return response.status === 200
  }
