namespace PortForward.Cli.Commands;

/// <summary>What the user sees of all forwards of a run, in the order of the command line.</summary>
/// <param name="views">One for each forward.</param>
internal sealed class ForwardViews(IReadOnlyList<ForwardView> views) : IDisposable
{
    public void Dispose()
    {
        foreach (ForwardView view in views)
        {
            view.Dispose();
        }
    }
}
