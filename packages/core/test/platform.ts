/** Whether there are unix sockets as files, and signals that a process hears: on Windows there are neither. */
export const isPosix: boolean = process.platform !== 'win32'
