import { createRootRouteWithContext, createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { QueryClient } from '@tanstack/react-query'

/** rootRoute is above everything, the sign-in too. */
export const rootRoute = createRootRouteWithContext<{ queries: QueryClient }>()()

/** shellRoute is the frame of every screen: features hang their routes below it. */
export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  // The home page does not wait for the styles of the others.
  beforeLoad: async ({ location }) => {
    const styles = import('./styles-more')
    if (location.pathname !== '/') await styles
  },
  component: lazyRouteComponent(() => import('./Shell'), 'Shell'),
})
