import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { useState } from 'react'
import { SessionProvider } from '~/features/access/session'
import { problemOf } from '~/shared/api/problem'
import { LocaleProvider } from '~/shared/i18n'
import { nonce } from './nonce'
import { newRouter } from './router'
import { theme, variables } from './theme'

function newQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        refetchOnWindowFocus: true,
        // What the server refuses it refuses again; what it cannot do now it may in a moment.
        retry: (count, error) => {
          const { status } = problemOf(error)
          return count < 2 && (status === 0 || status === 429 || status >= 500)
        },
      },
    },
  })
}

export function App() {
  const [queries] = useState(newQueries)
  const [router] = useState(() => newRouter(queries))
  return (
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <LocaleProvider>
        <QueryClientProvider client={queries}>
          <SessionProvider>
            <RouterProvider router={router} />
          </SessionProvider>
          <Notifications position="bottom-right" limit={4} />
        </QueryClientProvider>
      </LocaleProvider>
    </MantineProvider>
  )
}
