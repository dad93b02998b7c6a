"""What a model says while it is trained: pinned prompts and forgetting probes, at each validation.

It disturbs nothing: random states, training mode and the tokens per second are as without it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest
from typing import Any

import torch
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from store import Store
from store.errors import BadInput
from store.models import Model
from store.runs import Run
from store.samples import Answer
from store.templates import parse_template
from workbench.composing import bulk
from workbench.composing.masking import Tokens, load_codec
from workbench.composing.template import Example, composer
from workbench.evaluation import rouge
from workbench.runs import plan, probes
from workbench.runs.options import RunOptions
from workbench.worker.answering import Limits, Question, Speaker
from workbench.worker.batches import collator
from workbench.worker.losses import mean_loss
from workbench.worker.pulse import Pulse
from workbench.worker.randomness import untouched_randomness
from workbench.worker.record import Recorder

SAMPLE_METRICS = ("rouge1", "rouge2", "rougeL")
ROWS_PER_EXAMPLE = 4
"""So many rows are read, at most, for one that can be rendered."""


@dataclass(frozen=True)
class Probe:
    """One other task, ready to be measured."""

    name: str
    rows: tuple[Tokens, ...]
    questions: tuple[Question, ...]


class Watching(TrainerCallback):
    """Answers the run's pinned prompts and measures its probes.

    Args:
        store: An open store of this thread.
        run: The run; its lineage names the data and holds the templates' texts.
        options: The same run as options.
        model: The base's record.
        base: The loaded base, before anything is laid over it.
        recorder: Takes the figures.
        pulse: Asked on the way whether to end.
    """

    def __init__(
        self,
        store: Store,
        run: Run,
        options: RunOptions,
        model: Model,
        base: PreTrainedModel,
        recorder: Recorder,
        pulse: Pulse,
    ) -> None:
        settings = options.settings
        self._store, self._run, self._recorder, self._pulse = store, run, recorder, pulse
        self._seed = settings.seed
        self._codec = load_codec(model.path, model.family)
        self._length = plan.row_length(options, model)
        self._batch_size = settings.batch_size
        self._device = base.device
        limits = Limits(self._length, settings.sample_max_new_tokens, settings.batch_size)
        self._speaker = Speaker(base, model, self._codec, limits, pulse.check)
        self._every = settings.eval_steps
        self._validated = False
        self._last = -1
        self._pinned = self._questions(self._examples(settings.num_samples))
        self._probes = [self._probe(each, settings.probe_rows) for each in run.lineage.get("probes", ())]

    def before_training(self, base: torch.nn.Module) -> None:
        """Measure the base by every probe, as step 0; what an earlier attempt measured stays."""
        for probe in self._probes:
            if not any(step == 0 for step, _ in self._known(probe)):
                with self._aside():
                    self._recorder.add(0, self._measured(base, probe))
            self._pulse.check()

    def follow(self, *, pass_steps: int, validated: bool) -> None:
        """Say when to look.

        Args:
            pass_steps: Steps of one pass, after which to look where the settings name no other number.
            validated: There is a validation split: each of its losses is a time to look.
        """
        self._every = self._every or pass_steps
        self._validated = validated

    def on_train_begin(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **_: Any
    ) -> None:
        """Drop what an earlier attempt said past the step that this one goes on from."""
        self._store.samples.forget_after(self._run.id, state.global_step)

    def on_evaluate(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **more: Any
    ) -> None:
        """Look beside a validation loss."""
        self._look(state.global_step, more["model"])

    def on_step_end(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **more: Any
    ) -> None:
        """Look where validation would be if there were a split for it."""
        if not self._validated and state.global_step % self._every == 0:
            self._look(state.global_step, more["model"])

    def on_train_end(
        self, _args: TrainingArguments, state: TrainerState, _control: TrainerControl, **more: Any
    ) -> None:
        """Without a validation split the last step is looked at too."""
        if not self._validated and self._last != state.global_step:
            self._look(state.global_step, more["model"])

    def _look(self, step: int, model: torch.nn.Module) -> None:
        self._last = step
        if not (self._pinned or self._probes):
            return
        training = model.training
        with self._aside():
            self._sample(step, model)
            for probe in self._probes:
                self._recorder.add(step, self._measured(model, probe))
        model.train(training)
        self._recorder.flush()

    @contextlib.contextmanager
    def _aside(self) -> Iterator[None]:
        """Off the clock, off the random states; what fails here must not end the training."""
        with self._recorder.time_off(), untouched_randomness(), torch.no_grad():
            try:
                yield
            except (BadInput, torch.OutOfMemoryError) as error:
                told = str(error).splitlines()[0]
                sys.stdout.write(f"samples and probes are left out this time: {told}\n")
                if torch.cuda.is_available():
                    torch.cuda.empty_cache()

    def _sample(self, step: int, model: torch.nn.Module) -> None:
        if not self._pinned:
            return
        spoken = self._speaker.answers(model, self._pinned)
        answers = [
            Answer(asked.prompt, text, asked.reference, _scores(text, asked.reference))
            for asked, text in zip(self._pinned, spoken, strict=True)
        ]
        self._store.samples.append(self._run.id, step, answers)
        for metric in SAMPLE_METRICS:
            mean = sum(answer.scores[metric] for answer in answers) / len(answers)
            self._recorder.add(step, {f"sample_{metric}": mean})

    def _measured(self, model: torch.nn.Module, probe: Probe) -> dict[str, float]:
        loss = mean_loss(model, self._batches(probe.rows), self._pulse.check)
        spoken = self._speaker.answers(model, probe.questions)
        scores = [
            _scores(text, asked.reference)["rougeL"]
            for text, asked in zip(spoken, probe.questions, strict=True)
        ]
        values = {"loss": loss} | ({"rougeL": sum(scores) / len(scores)} if scores else {})
        return {probes.metric_name(probe.name, metric): value for metric, value in values.items()}

    def _batches(self, rows: Sequence[Tokens]) -> Iterator[dict[str, torch.Tensor]]:
        collate = collator(self._codec.pad)
        for start in range(0, len(rows), self._batch_size):
            some = rows[start : start + self._batch_size]
            batch = collate(
                [
                    {"input_ids": torch.tensor(row.input_ids), "labels": torch.tensor(row.labels)}
                    for row in some
                ]
            )
            yield {name: tensor.to(self._device) for name, tensor in batch.items()}

    def _known(self, probe: Probe) -> list[tuple[int, float]]:
        return self._store.metrics.series(self._run.id, probes.metric_name(probe.name, "loss"))

    def _examples(self, count: int) -> list[Example]:
        """The first rows of the validation split, of several tasks in turn; else of the training split."""
        if not count:
            return []
        tasks = [task for task in self._run.tasks if task["dataset"]["validation_split"]]
        split = "validation_split" if tasks else "split"
        each = [
            [example for example, _ in self._rows(task, task["dataset"][split], count)]
            for task in tasks or self._run.tasks
        ]
        in_turn = chain.from_iterable(zip_longest(*each))
        return list(islice((example for example in in_turn if example is not None), count))

    def _probe(self, told: dict[str, Any], count: int) -> Probe:
        rows = list(self._rows(told, told["dataset"]["split"], count))
        if not rows:
            raise BadInput(
                f"probe {told['name']!r} has no row that can be used",
                "look at them with `workbench template render`",
            )
        questions = self._questions(example for example, _ in rows)
        return Probe(told["name"], tuple(tokens for _, tokens in rows), questions)

    def _questions(self, examples: Iterable[Example]) -> tuple[Question, ...]:
        """What can be asked: a prompt without a token gives a model nothing to go on."""
        made = (self._speaker.question(example) for example in examples)
        return tuple(question for question in made if question.ids)

    def _rows(self, task: dict[str, Any], split: str, count: int) -> Iterable[tuple[Example, Tokens]]:
        """The first rows of a split that can be trained on, with their tokens."""
        dataset = self._store.datasets.get(task["dataset"]["name"])
        template = parse_template(task["template"]["text"], origin=f"run {self._run.id}")
        made = bulk.trainable(
            self._store.datasets.rows(dataset.name, split, limit=ROWS_PER_EXAMPLE * count),
            composer(self._store, dataset, template, self._seed),
            self._codec,
            self._length,
            lambda _index, _reason: None,
        )
        return ((example, tokens) for _, example, tokens in islice(made, count))


def _scores(text: str, reference: str) -> dict[str, float]:
    return {kind: score.fmeasure for kind, score in rouge.score(text, [reference]).items()}
