interface PollText {
  readonly question: string
  readonly choices: readonly string[]
}

/** Questions of a community to itself, with an answer for everybody. */
const POLL_TEXTS: readonly PollText[] = [
  poll('Where shall we meet next?', 'The park', 'The library', 'The café at the station', 'Online'),
  poll('Which evening suits you best?', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'),
  poll('What shall we cook together?', 'Dumplings', 'Curry', 'Pizza', 'Tacos', 'Soup and bread'),
  poll('How do you get to work?', 'By bicycle', 'By train or bus', 'By car', 'On foot', 'I work at home'),
  poll('Which film shall we watch?', 'A comedy', 'A documentary', 'A thriller', 'A classic'),
  poll('When do you get up on a Sunday?', 'Before seven', 'Before nine', 'Before eleven', 'Later'),
  poll('Which pet would you take in?', 'A cat', 'A dog', 'A rabbit', 'A parrot', 'None'),
  poll('What do you drink in the morning?', 'Coffee', 'Tea', 'Juice', 'Water'),
  poll('Shall we plant a garden on the roof?', 'Yes', 'Yes, and I will help', 'No'),
  poll(
    'Which instrument shall our band learn?',
    'Guitar',
    'Drums',
    'Violin',
    'Trombone',
    'Accordion',
    'Theremin',
  ),
  poll('How many books did you read this year?', 'None', 'One to five', 'Six to twenty', 'More'),
  poll(
    'Where do you keep your photos?',
    'On my telephone',
    'At home on a disk',
    'With a service',
    'On paper',
  ),
  poll('Which season is the best?', 'Spring', 'Summer', 'Autumn', 'Winter'),
  poll(
    'What shall we do with what is left of the budget?',
    'A party',
    'New chairs',
    'Keep it',
    'Give it away',
  ),
  poll('Which game for the long evening?', 'Chess', 'Cards', 'Go', 'A quiz', 'Table tennis'),
  poll('How warm is your home in winter?', 'Below 18 °C', '18 to 20 °C', '21 to 22 °C', 'Above 22 °C'),
  poll('Who shall write the next newsletter?', 'The same people', 'Somebody new', 'Two of us each time'),
  poll('Which mountain shall we climb?', 'The near one', 'The high one', 'None, let us swim'),
  poll('How often shall we vote like this?', 'Every day', 'Every week', 'Every month', 'Less often'),
  poll('Cake or pie?', 'Cake', 'Pie'),
]

/** The poll of this number, from 1 on. */
export function pollText(number: number): PollText {
  const round = Math.ceil(number / POLL_TEXTS.length)
  const { question, choices } = POLL_TEXTS[(number - 1) % POLL_TEXTS.length] as PollText
  return { question: round === 1 ? question : `${question} Round ${round}`, choices }
}

function poll(question: string, ...choices: string[]): PollText {
  return { question, choices }
}
