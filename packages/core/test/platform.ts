/** Whether the platform has unix sockets and signals. Windows has neither. */
export const isPosix: boolean = process.platform !== 'win32'
