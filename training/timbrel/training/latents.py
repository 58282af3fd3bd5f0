"""A run's latent space: found once at the end of stage 1, the same for all later checkpoints."""

from timbrel.data import AudioDataset
from timbrel.latent.analysis import latent_space
from timbrel.latent.space import LatentSpace
from timbrel.model.autoencoder import Autoencoder
from timbrel.training.run import Run, Trained


def find_latent_space(
    run: Run, model: Autoencoder, dataset: AudioDataset, step: int
) -> LatentSpace:
    """Finds the latent space of a run's network and keeps it, beside the one that was there.

    Matched to it, so that a patch made for an earlier export finds its latents where they were.
    """
    previous = run.latent_space()
    if previous is not None and previous.step == step:
        return previous
    space = latent_space(model, dataset, step)
    if previous is not None:
        space = space.matched(previous)
    run.keep_latent_space(space)
    return space


def latent_space_of(run: Run, trained: Trained) -> LatentSpace | None:
    """The latent space that a checkpoint of a run is exported with.

    That of the end of stage 1 for it and all that came after. For a checkpoint of a stage 1 that
    has not ended, or a later one, it is found now; for an older one too, but it is not kept.

    Returns:
        None where there is none, and the sound to find it with is gone.
    """
    kept = run.latent_space()
    if kept is not None and (trained.stage == 2 or trained.step == kept.step):
        return kept
    dataset = run.dataset()
    if dataset is None:
        return kept
    if kept is None or trained.step > kept.step:
        return find_latent_space(run, trained.model, dataset, trained.step)
    return latent_space(trained.model, dataset, trained.step).matched(kept)
