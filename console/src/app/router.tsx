import { createRoute, createRouter } from '@tanstack/react-router'
import type { QueryClient } from '@tanstack/react-query'
import { ProblemState } from '~/shared/states/ProblemState'
import { Loading } from '~/shared/states/Loading'
import { NotFound } from './NotFound'
import { firstStartRoute } from '~/features/access/routes'
import { routes } from './features'
import { rootRoute, shellRoute } from './root'

// Whatever no screen answers to, with the frame around it.
const strayRoute = createRoute({ getParentRoute: () => shellRoute, path: '$', component: NotFound })

const tree = rootRoute.addChildren([shellRoute.addChildren([...routes, strayRoute]), firstStartRoute])

export function newRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    basepath: '/console',
    context: { queries },
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    defaultPendingMs: 200,
    defaultPendingComponent: Loading,
    defaultErrorComponent: ({ error, reset }) => <ProblemState error={error} retry={reset} />,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>
  }
}
