import { Alert, Group, NumberInput, Stack, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ask } from '~/shared/api/client'
import { useFormats, useText } from '~/shared/i18n'
import { ProblemState } from '~/shared/states/ProblemState'
import { experiment } from './messages'

/** Power tells before the start how many people and days it takes. */
export function Power({ variants }: { variants: number }) {
  const t = useText(experiment)
  const f = useFormats()
  const [rate, setRate] = useState<number | string>(5)
  const [effect, setEffect] = useState<number | string>(10)
  const [daily, setDaily] = useState<number | string>(1000)
  const [body] = useDebouncedValue({ rate: Number(rate) / 100, effect: Number(effect) / 100, people_per_day: Number(daily), variants }, 250)
  const complete = body.rate > 0 && body.rate < 1 && body.effect > 0 && body.people_per_day > 0
  const plan = useQuery({
    queryKey: ['power', JSON.stringify(body)],
    queryFn: ({ signal }) => ask(api.POST('/api/v1/experiments/power', { body, signal })),
    enabled: complete,
    placeholderData: keepPreviousData,
    retry: false,
  })
  const each = plan.data?.per_variant
  return (
    <Stack>
      <Group gap="sm" align="flex-end">
        <NumberInput w={180} label={t('rateNow')} suffix=" %" min={0.01} max={99} decimalScale={2} value={rate} onChange={setRate} />
        <NumberInput w={180} label={t('worthFinding')} suffix=" %" min={0.1} max={1000} decimalScale={1} value={effect} onChange={setEffect} />
        <NumberInput w={180} label={t('perDay')} min={1} thousandSeparator=" " value={daily} onChange={setDaily} />
      </Group>
      {plan.error ? (
        <ProblemState error={plan.error} compact />
      ) : (
        plan.data && complete && (
          <Alert color="blue" role="status">
            <Text>{typeof each === 'number' ? t('takes', { people: f.number(Math.ceil(each)), days: Math.max(1, Math.ceil(plan.data.days ?? 1)) }) : t('takesTooMany')}</Text>
          </Alert>
        )
      )}
    </Stack>
  )
}
