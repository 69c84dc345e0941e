namespace PortForward.Cli.Commands;

/// <summary>What the user sees of all forwards of a run, in the order of the command line.</summary>
/// <param name="views">One for each forward.</param>
internal sealed class ForwardViews(IReadOnlyList<ForwardView> views) : IDisposable
{
    /// <summary>All are ready: their lines are written from now on.</summary>
    public void Release()
    {
        foreach (ForwardView view in views)
        {
            view.Release();
        }
    }

    public void Dispose()
    {
        foreach (ForwardView view in views)
        {
            view.Dispose();
        }
    }
}
