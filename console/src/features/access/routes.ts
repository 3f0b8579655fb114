import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { rootRoute } from '~/app/root'

/** firstStartRoute is where the link of the first start leads: /console/start#TOKEN. */
export const firstStartRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/start',
  component: lazyRouteComponent(() => import('./FirstStart'), 'FirstStart'),
})
